"""`python -m segjudge`."""

import sys

from segjudge import main

sys.exit(main())
