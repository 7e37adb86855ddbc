"""Lets `python -m gridmap` run the command line."""

from gridmap.cli import main

if __name__ == "__main__":
    main()
