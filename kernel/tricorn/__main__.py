"""`python -m tricorn`."""

from tricorn.cli import main

if __name__ == "__main__":
    main()
