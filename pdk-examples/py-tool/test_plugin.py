import unittest

import plugin
from carapace.testing import Host

host = Host(plugin)


class Dice(unittest.TestCase):
    def test_a_die_shows_all_of_its_sides(self):
        for args, sides in (({}, 6), ({"sides": 2}, 2), ({"sides": 20}, 20)):
            with self.subTest(sides=sides):
                seen = {int(host.tool_invoke({"name": "roll", "args": args}).content[0].text) for _ in range(1000)}
                self.assertEqual(seen, set(range(1, sides + 1)))


if __name__ == "__main__":
    unittest.main()
