"""``python -m hedgecore``: the same as the command ``hedgecore``; and, with numpy alone, where programs in C and C++ find it."""

import sys

from hedgecore.build import get_cmake_dir, get_include

PLACES = {"--cmakedir": get_cmake_dir, "--include": get_include}

if __name__ == "__main__":
    if len(sys.argv) == 2 and sys.argv[1] in PLACES:
        print(PLACES[sys.argv[1]]())
    else:
        from hedgecore.cli import main

        main()
