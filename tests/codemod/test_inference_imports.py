"""Stubs are found in whatever way one module gets a name from another, or from outside the tree."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from grpc_bridge.codemod.runner import migrate

from .tool import generated, migrated, rewritten, rules, unchanged

USE = "\n\nasync def use(channel):\n    return await {}(channel).Hi(1)\n"


def importing(statement: str, name: str) -> None:
    """`statement` in app.py makes `name` mean GreeterStub."""
    migrated(f"{statement}\n{USE.format(name)}")


def test_a_re_export() -> None:
    migrated(
        {
            "pkg/__init__.py": "from .inner import Stub\n",
            "pkg/inner.py": "from greet_pb2_grpc import GreeterStub as Stub\n",
            "app.py": "from pkg import Stub\n" + USE.format("Stub"),
        }
    )


def test_import_star_through_several_modules() -> None:
    migrated(
        {
            "app.py": "from pkg import *\n" + USE.format("GreeterStub"),
            "pkg/__init__.py": "from .a import *\n",
            "pkg/a.py": "from .b import *\n",
            "pkg/b.py": "from greet_pb2_grpc import *\n",
        }
    )


def test_import_star_of_what_all_names() -> None:
    migrated(
        {
            "app.py": "from pkg import *\n" + USE.format("_Stub"),
            "pkg.py": "from greet_pb2_grpc import GreeterStub as _Stub\n\n__all__ = ['_Stub']\n",
        }
    )


@pytest.mark.parametrize(
    "statement",
    ["from .stubs import Stub", "from ..sub.stubs import Stub", "from ...top.sub.stubs import Stub"],
)
def test_relative_imports(statement: str) -> None:
    migrated(
        {
            "top/__init__.py": "",
            "top/sub/__init__.py": "from .stubs import *\n",
            "top/sub/stubs.py": "from greet_pb2_grpc import GreeterStub as Stub\n",
            "top/sub/use.py": statement + "\n" + USE.format("Stub"),
        }
    )


def test_namespace_packages() -> None:
    migrated(
        {
            "acme/clients/stubs.py": "from greet_pb2_grpc import GreeterStub\n",
            "app.py": "import acme.clients.stubs\n" + USE.format("acme.clients.stubs.GreeterStub"),
            "other.py": "from acme.clients import stubs as s\n" + USE.format("s.GreeterStub"),
        }
    )


@pytest.mark.parametrize(
    ("statement", "factory"),
    [
        ("import grpc_bridge as grpc", "grpc.insecure_channel"),
        ("import grpc_bridge as g", "g.insecure_channel"),
        ("from grpc_bridge import insecure_channel", "insecure_channel"),
        ("from grpc_bridge import insecure_channel as connect", "connect"),
    ],
)
def test_aliases_of_grpc(statement: str, factory: str) -> None:
    text = (
        f"{statement}\nfrom greet_pb2_grpc import GreeterStub\n\n\nasync def use():\n"
        f'    async with {factory}("x") as channel:\n        return await GreeterStub(channel).Hi(1)\n'
    )
    before = (
        re.sub(r"\b(async|await) ", "", text)
        .replace("grpc_bridge as grpc", "grpc")
        .replace("grpc_bridge", "grpc")
    )
    rewritten(before, text)


def test_an_alias_made_by_assignment() -> None:
    migrated(
        """
        import grpc_bridge as grpc
        import greet_pb2_grpc

        rpc = grpc
        stubs = greet_pb2_grpc
        connect = rpc.insecure_channel


        async def use():
            async with connect("x") as channel:
                return await stubs.GreeterStub(channel).Hi(1)
        """
    )


def test_type_checking_imports() -> None:
    migrated(
        """
        from __future__ import annotations

        from typing import TYPE_CHECKING

        if TYPE_CHECKING:
            from greet_pb2_grpc import GreeterStub


        async def use(stub: GreeterStub):
            return await stub.Hi(1)
        """
    )


@pytest.mark.parametrize(
    "statement",
    [
        "try:\n    from protos.greet_pb2_grpc import GreeterStub\nexcept ImportError:\n"
        "    from greet_pb2_grpc import GreeterStub",
        "try:\n    from greet_pb2_grpc import GreeterStub\nexcept ModuleNotFoundError:\n"
        "    from protos.greet_pb2_grpc import GreeterStub",
        "try:\n    from greet_pb2_grpc import GreeterStub\nexcept ImportError:\n    GreeterStub = None",
    ],
)
def test_imports_that_may_fail(statement: str) -> None:
    importing(statement, "GreeterStub")


def test_a_whole_module_that_may_be_elsewhere() -> None:
    importing(
        "try:\n    import protos.greet_pb2_grpc as pb\nexcept ImportError:\n    import greet_pb2_grpc as pb",
        "pb.GreeterStub",
    )


def test_import_module() -> None:
    importing('import importlib\n\npb = importlib.import_module("greet_pb2_grpc")', "pb.GreeterStub")


def test_a_module_that_imports_on_demand() -> None:
    migrated(
        {
            "pkg/__init__.py": (
                "def __getattr__(name):\n"
                "    from greet_pb2_grpc import GreeterStub\n\n    return GreeterStub\n"
            ),
            "app.py": "import pkg\n" + USE.format("pkg.Stub"),
            "other.py": "from pkg import Stub\n" + USE.format("Stub"),
        }
    )


def test_an_import_inside_a_function() -> None:
    migrated(
        """
        async def use(channel):
            from greet_pb2_grpc import GreeterStub

            return await GreeterStub(channel).Hi(1)
        """
    )


def test_a_circular_import() -> None:
    migrated(
        {
            "a.py": "import b\nfrom greet_pb2_grpc import GreeterStub\n" + USE.format("b.GreeterStub"),
            "b.py": "import a\nfrom a import GreeterStub\n" + USE.format("a.GreeterStub"),
        }
    )


def test_getattr_of_a_generated_module() -> None:
    importing("import greet_pb2_grpc\n\nname = 'Greeter'", 'getattr(greet_pb2_grpc, name + "Stub")')


# Generated code, wherever it is and whatever it is called


def tree(root: Path, **files: str) -> Path:
    """A project whose app.py is to be migrated; `files` by path with `__` for `/`."""
    (root / "project" / ".git").mkdir(parents=True)
    for name, text in files.items():
        path = root / "project" / name.replace("__", "/").replace("0", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root / "project"


def app(statement: str) -> str:
    return statement + "\n" + re.sub(r"\b(async|await) ", "", USE.format("GreeterStub"))


def assert_awaited(root: Path) -> None:
    result = migrate([root])
    assert list(result.changed) == [root / "app.py"], result
    assert "    return await GreeterStub(channel).Hi(1)" in result.changed[root / "app.py"]
    assert rules(result) == []


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.setattr(sys, "path", [*sys.path, str(folder)])
    return folder


def test_stubs_of_an_installed_package(tmp_path: Path, installed: Path) -> None:
    (installed / "acme" / "v1").mkdir(parents=True)
    stub = installed / "acme" / "v1" / "greet_pb2_grpc.py"
    stub.write_text(generated())
    assert_awaited(tree(tmp_path, app0py=app("from acme.v1.greet_pb2_grpc import GreeterStub")))
    assert stub.read_text() == generated()


def test_stubs_that_an_installed_package_hands_on(tmp_path: Path, installed: Path) -> None:
    (installed / "acme").mkdir()
    (installed / "acme" / "__init__.py").write_text("from .stubs import GreeterStub\n# of greet_pb2_grpc\n")
    (installed / "acme" / "stubs.py").write_text("from .greet_pb2_grpc import *\n")
    (installed / "acme" / "greet_pb2_grpc.py").write_text(generated())
    assert_awaited(tree(tmp_path, app0py=app("from acme import GreeterStub  # over grpc")))


def test_a_client_library_is_called_in_a_thread(tmp_path: Path, installed: Path) -> None:
    """Its code is not in the run, so it blocks: a coroutine may not call it on its loop."""
    (installed / "acme").mkdir()
    (installed / "acme" / "__init__.py").write_text(
        "from greet_pb2_grpc import GreeterStub\n\n\nclass Client:\n    def __init__(self, channel):\n"
        "        self.stub = GreeterStub(channel)\n\n    def hi(self, n):\n        return self.stub.Hi(n)\n"
    )
    (installed / "greet_pb2_grpc.py").write_text(generated())
    root = tree(
        tmp_path,
        app0py="from acme import Client\nfrom greet_pb2_grpc import GreeterStub\n\n\n"
        "def use(channel):\n    Client(channel).hi(1)\n    return GreeterStub(channel).Hi(1)\n",
    )
    text = migrate([root]).changed[root / "app.py"]
    assert "    await asyncio.to_thread(Client(channel).hi, 1)\n" in text
    assert "    return await GreeterStub(channel).Hi(1)\n" in text


def test_stubs_of_the_project_s_virtual_environment(tmp_path: Path) -> None:
    root = tree(tmp_path, app0py=app("from acme.greet_pb2_grpc import GreeterStub"))
    packages = root / ".venv" / "lib" / "python3.11" / "site-packages" / "acme"
    packages.mkdir(parents=True)
    (root / ".venv" / "pyvenv.cfg").touch()
    (packages / "greet_pb2_grpc.py").write_text(generated())
    assert_awaited(root)


def test_a_pyi_file_beside_nothing(tmp_path: Path) -> None:
    """What mypy-protobuf writes, where the generated code itself is made when the program is built."""
    declared = (
        "import grpc as _grpc\n\nclass GreeterStub:\n"
        "    def __init__(self, channel: _grpc.Channel) -> None: ...\n"
        "    Hi: _grpc.UnaryUnaryMultiCallable[int, int]\n"
        "    Many: _grpc.UnaryStreamMultiCallable[int, int]\n"
    )
    assert_awaited(
        tree(tmp_path, app0py=app("from greet_pb2_grpc import GreeterStub"), greet_pb2_grpc0pyi=declared)
    )


def test_a_servicer_of_a_pyi_file(tmp_path: Path) -> None:
    declared = (
        "import grpc as _grpc\n\nclass GreeterStub:\n    Sum: _grpc.StreamUnaryMultiCallable[int, int]\n\n"
        "class GreeterServicer:\n    def Sum(self, request_iterator, context): ...\n\n"
        "def add_GreeterServicer_to_server(servicer: GreeterServicer, server: _grpc.Server) -> None: ...\n"
    )
    servicer = (
        "from greet_pb2_grpc import GreeterServicer\n\n\nclass Greeter(GreeterServicer):\n"
        "    def Sum(self, request_iterator, context):\n        return sum(n for n in request_iterator)\n"
    )
    root = tree(tmp_path, app0py=servicer, greet_pb2_grpc0pyi=declared)
    text = migrate([root]).changed[root / "app.py"]
    assert "    async def Sum(self, request_iterator, context):\n" in text
    assert "sum([n async for n in request_iterator])" in text


def test_a_proto_file_of_which_nothing_was_generated(tmp_path: Path) -> None:
    proto = 'syntax = "proto3";\nservice Greeter { rpc Hi(Q) returns (Q); rpc Many(Q) returns (stream Q); }\n'
    assert_awaited(
        tree(
            tmp_path,
            app0py=app("from gen.acme.greet_pb2_grpc import GreeterStub"),
            protos__acme__greet0proto=proto,
            protos__other__greet0proto=proto.replace("rpc Hi(Q) returns (Q)", "rpc Hi(Q) returns (stream Q)"),
        )
    )


def bare(name: str = "greeter_stubs") -> dict[str, str]:
    """Generated code without the line that says so, and called otherwise."""
    return {f"{name}.py": generated()}


def test_generated_code_by_its_shape() -> None:
    """It is read, and not written: even its import of grpc stays."""
    files = bare()
    migrated({**files, "app.py": "from greeter_stubs import GreeterStub\n" + USE.format("GreeterStub")})


def test_code_of_another_shape_is_written() -> None:
    text = generated() + "\n\nasync def hi(channel):\n    return await GreeterStub(channel).Hi(1)\n"
    migrated({"client.py": text.replace("import grpc\n", "import grpc_bridge as grpc\n")})


def test_a_stub_written_by_hand_for_a_channel_nobody_shows() -> None:
    migrated(
        """
        import grpc_bridge as grpc


        class Client:
            def __init__(self, channel):
                self.get = channel.unary_unary("/acme.Shop/Get", str.encode, bytes.decode)
                self.watch = channel.unary_stream("/acme.Shop/Watch", request_serializer=str.encode)

            async def names(self):
                return [name async for name in self.watch("all")], await self.get("one")
        """
    )


def test_another_thing_s_method_of_that_name_is_no_stub() -> None:
    unchanged(
        """
        def f(table):
            # grpc has such a name, too
            return table.unary_unary("key")(1), table.unary_stream(3)
        """
    )
