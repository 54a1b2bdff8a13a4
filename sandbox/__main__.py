"""Entry point of `python -m sandbox`."""

from sandbox.common.server import main

if __name__ == "__main__":
    main()
