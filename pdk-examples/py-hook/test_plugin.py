import unittest

import plugin
from carapace.testing import replay

Transcripts = replay(plugin)

if __name__ == "__main__":
    unittest.main()
