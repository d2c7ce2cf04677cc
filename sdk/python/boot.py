# What the gateway starts the interpreter with. It reads the plugin's files and the SDK's, makes them importable, imports the
# plugin and serves its calls.
#
# The gateway speaks by frames: what is asked for goes to stdout, and its answer comes by stdin, each behind its length.
def boot():
    import _json
    import posix
    import sys

    read, write = posix.read, posix.write

    def ask(*words):
        data = "\0".join(words).encode("utf-8", "replace")
        data = len(data).to_bytes(4, "little") + data
        while data:
            data = data[write(1, data) :]
        got = read(0, 65536)
        while len(got) < 4:
            got += more(4 - len(got))
        size = int.from_bytes(got[:4], "little") + 4
        if len(got) < size:
            parts = [got]
            left = size - len(got)
            while left:
                parts.append(more(left))
                left -= len(parts[-1])
            got = b"".join(parts)
        return got[4:size].decode("utf-8", "replace")

    def more(size):
        data = read(0, size)
        if not data:
            raise SystemExit("the gateway has gone")
        return data

    class Context:  # of the decoder, without the package around it, which takes long to import
        strict = True
        object_hook = object_pairs_hook = parse_constant = None
        parse_float, parse_int = float, int

    given = _json.make_scanner(Context)(ask("start"), 0)[0]
    files = {name: text.removeprefix("\ufeff") for name, text in given["files"].items()}  # some editors begin files so

    class Files:
        """Finds modules among the files, and reads them."""

        @staticmethod
        def find_spec(name, path=None, target=None):
            at = name.replace(".", "/")
            for file, package in ((at + "/__init__.py", True), (at + ".py", False)):
                if file in files:
                    spec = sys.modules["_frozen_importlib"].ModuleSpec(name, Files, origin=file, is_package=package)
                    spec.has_location = True
                    return spec
            if any(file.startswith(at + "/") for file in files):  # a folder without __init__.py
                return sys.modules["_frozen_importlib"].ModuleSpec(name, None, is_package=True)
            return None

        @staticmethod
        def create_module(spec):
            return None

        @staticmethod
        def exec_module(module):
            file = module.__spec__.origin
            exec(compile(files[file], file, "exec", dont_inherit=True), module.__dict__)

        @staticmethod
        def get_source(name):
            spec = Files.find_spec(name)
            return files[spec.origin] if spec and spec.origin else None

    sys.meta_path.insert(0, Files)
    from carapace import _guest

    if "check" in given:
        _guest.check(ask, {name: files[name] for name in given["check"]})
    else:
        _guest.serve(ask, given["entry"])


boot()
