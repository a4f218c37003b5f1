"""``python -m hedgecore``: the same as the command ``hedgecore``."""

from hedgecore.cli import main

if __name__ == "__main__":
    main()
