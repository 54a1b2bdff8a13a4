"""What both sandbox servers share: people, faults, metrics, control API, pages and the process around them."""
