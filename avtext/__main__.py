"""``python -m avtext``: the same as the ``avtext`` command."""

from avtext.cli import main

if __name__ == "__main__":
    main()
