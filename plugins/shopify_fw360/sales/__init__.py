"""Money of orders: terms, their proof, and the lines of a sale. Pure arithmetic with Decimal; knows neither system."""
