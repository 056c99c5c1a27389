"""If this fails, a hostile pickle is called safe or is run while looked at, or honest ones fail.

Every live payload is first fired on purpose, to know that it is one; then it is inspected, and the
marker must not appear.
"""

from __future__ import annotations

import collections
import datetime as dt
import io
import pickle
import struct
from pathlib import Path  # noqa: TC003 - hypothesis and pytest look at annotations
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from _attacks import STOP, call, fire, framed, named, pickled, proto, short, stacked, text  # type: ignore[import-not-found]  # pytest puts this folder on the path
from hypothesis import example, given, settings
from hypothesis import strategies as st

from strongroom.vault import inspect_bytes
from strongroom.vault.inspection import _pickle

if TYPE_CHECKING:
    from collections.abc import Callable

DANGEROUS = """
    builtins.eval builtins.exec builtins.compile builtins.getattr builtins.open
    builtins.breakpoint builtins.__import__ __builtin__.eval __builtin__.apply os.system
    posix.system nt.system subprocess.Popen subprocess.check_output socket.create_connection
    shutil.rmtree sys.exit runpy.run_path runpy._run_code pty.spawn pdb.run bdb.Bdb
    timeit.timeit commands.getoutput pip.main pip._internal.main venv.create ensurepip._run_pip
    trace.Trace.run trace.Trace.runctx profile.run profile.Profile.run profile.Profile.runctx
    cProfile.run cProfile.runctx lib2to3.pgen2.grammar.Grammar.loads
    lib2to3.pgen2.pgen.ParserGenerator.make_label idlelib.debugobj.ObjectTreeItem.SetText
    idlelib.autocomplete.AutoComplete.get_entity
    idlelib.autocomplete.AutoComplete.fetch_completions idlelib.calltip.Calltip.fetch_tip
    idlelib.run.Executive.runcode idlelib.pyshell.ModifiedInterpreter.runcode
    code.InteractiveInterpreter.runcode doctest.debug_script distutils.file_util.write_file
    asyncio.unix_events._UnixSubprocessTransport._start ctypes.CDLL pydoc.locate pydoc.pipepager
    operator.methodcaller operator.attrgetter operator.itemgetter _operator.methodcaller
    _operator.attrgetter functools.partial pkgutil.resolve_name importlib.import_module
    importlib.util.spec_from_file_location uuid._get_command_stdout _osx_support._read_output
    _aix_support._read_cmd_output imaplib.IMAP4_stream _pyrepl.pager.pipe_pager
    test.support.script_helper.assert_python_ok types.CodeType types.FunctionType marshal.loads
    cloudpickle.cloudpickle._make_function cloudpickle.cloudpickle.subimport pickle.loads
    _pickle.loads _io.FileIO io.open logging.FileHandler ssl.get_server_certificate
    urllib.request.urlopen requests.api.get aiohttp.ClientSession pandas.read_csv
    webbrowser.open multiprocessing.util.spawnv_passfds
    mlflow.projects.backend.local._run_entry_point _xxsubinterpreters.run_string
    _interpreters.exec joblib.load dill.loads numpy.testing._private.utils.runstring
    numpy.f2py.crackfortran.getlincoef numpy.load numpy.core._internal.sys.modules
    numpy.__builtins__ numpy.core.multiarray.frombuffer torch.load torch.serialization.load
    torch.storage._load_from_bytes torch.hub.load torch.jit.annotations.parse_type_line
    torch._inductor.codecache.compile_file torch.utils.bottleneck.__main__.run_cprofile
    torch.utils.bottleneck.__main__.run_autograd_prof torch._dynamo.guards.GuardBuilder.get
    torch.utils.collect_env.run
    torch.fx.experimental.symbolic_shapes.ShapeEnv.evaluate_guards_expression
    torch.utils.data.datapipes.utils.decoder.basichandlers
    torch.jit.unsupported_tensor_ops.execWrapper
    torch.utils._config_module.ConfigModule.load_config torch._utils._rebuild_wrapper_subclass
    sklearn.preprocessing._function_transformer.FunctionTransformer collections.abc.sys
    builtins.object.__subclasses__ datetime.sys datetime.datetime.strptime collections._sys
    collections.OrderedDict.__init__.__globals__
""".split()  # noqa: SIM905 - a name a line would hide the rest of the file

WAYS: dict[str, Callable[[str, str], bytes]] = {
    "GLOBAL and REDUCE": lambda m, n: proto(call(named(m, n), text("x"))),
    "STACK_GLOBAL": lambda m, n: framed(call(stacked(m, n), text("x"))),
    "never called": lambda m, n: proto(named(m, n)),
    "INST": lambda m, n: f"(S'x'\ni{m}\n{n}\n.".encode(),
    "OBJ": lambda m, n: proto(b"(" + named(m, n) + text("x") + b"o", 1),
    "OBJ, thrown away": lambda m, n: proto(b"(" + named(m, n) + text("x") + b"o0N"),
    "NEWOBJ": lambda m, n: proto(named(m, n) + b")\x81"),
    "memo": lambda m, n: proto(text(n) + b"q\x05" + text(m) + b"q\x0700h\x07h\x05\x93)R", 4),
    "names of another type": lambda m, n: proto(f"S'{m}'\nV{n}\n".encode() + b"\x93)R", 4),
    "dotted": lambda m, n: framed(
        call(stacked(m.partition(".")[0], ".".join([*m.split(".")[1:], n])), text("x"))
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_name_what_is_not_allowed(way: str) -> None:
    for name in DANGEROUS:
        module, _, attribute = name.rpartition(".")
        found = inspect_bytes(WAYS[way](module, attribute))
        assert found.verdict == "unsafe", name
        assert any(attribute in reason for reason in found.reasons)


MAGIC = (0x1950A86A20F9469CFC6C).to_bytes(10, "little")
LIVE: dict[str, Callable[[Path], bytes]] = {
    "plain": lambda m: proto(fire(m)),
    "framed": lambda m: framed(fire(m, stacked("io", "open"))),
    "broken tail": lambda m: b"\x80\x02" + fire(m) + b"\xff\xff not a pickle",
    "no end": lambda m: b"\x80\x02" + fire(m),
    "result thrown away": lambda m: proto(fire(m) + b"0" + pickled({"weights": [1, 2]})),
    "hidden in a dict": lambda m: proto(b"}" + text("k") + fire(m) + b"s"),
    "text protocol": lambda m: f"cio\nopen\n(S'{m}'\nS'w'\ntR.".encode(),
    "second pickle": lambda m: pickle.dumps([1]) + proto(fire(m)),
    "after a wrong memo index": lambda m: b"\x80\x02" + fire(m) + b"h\x63.",
    "as a reconstructor's class": lambda m: proto(
        call(named("copyreg", "_reconstructor"), named("io", "open"), b"N", b"N")
        + b"0" + fire(m)
    ),
    "magic made by a call": lambda m: proto(b"N0" + fire(m) + b"0\x8a\x0a" + MAGIC),
    "old names": lambda m: proto(
        call(named("__builtin__", "eval"), text(f"open({str(m)!r}, 'w')"))
    ),
    "chased attributes": lambda m: framed(
        call(
            call(stacked("operator", "attrgetter"), short("open")) + b"\x94"
            + call(stacked("importlib", "import_module"), short("io")) + b"\x94"
            + b"00h\x00h\x01\x85R",
            text(str(m)), text("w"),
        )
    ),
    "behind a false frame": lambda m: framed(fire(m, stacked("io", "open")), 5),
    "behind a second protocol": lambda m: proto(b"\x80\x03" + fire(m)),
}  # fmt: skip


def unpickle(data: bytes) -> None:
    """Load all pickles of a stream, as a careless program would."""
    stream = io.BytesIO(data)
    try:
        while stream.tell() < len(data):
            pickle.load(stream)  # noqa: S301 - our own marker, to prove that the payload is live
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError):
        pass


@pytest.mark.parametrize("attack", LIVE)
def test_live_payloads_are_seen_and_not_run(attack: str, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    data = LIVE[attack](marker)
    if attack not in {"as a reconstructor's class", "chased attributes"}:
        unpickle(data)
        assert marker.exists(), "the payload is dead: the test proves nothing"
        marker.unlink()
    found = inspect_bytes(data, "model.bin")
    assert found.verdict == "unsafe"
    assert found.reasons
    assert not marker.exists()


ODD = {
    "carriage return": b"cos\r\nsystem\r\n(S'x'\ntR.",
    "escaped name": b"ccoll\\x65ctions\nOrderedDict\n)R.",
    "space in a name": b"ccollections OrderedDict\nx\n)R.",
    "registry": proto(b"\x82\x01)R"),
    "registry, longer": proto(b"\x84\x01\x00\x00\x00"),
    "persistent id": proto(b"X\x01\x00\x00\x00aQ"),
    "persistent id, text": b"Pstorage\n.",
    "computed name": proto(pickled([1]) + short("x") + b"\x93", 4),
    "calls a result": proto(call(call(named("collections", "OrderedDict")), text("x"))),
    "calls a class of numpy": proto(call(named("numpy", "ndarray"), pickled((1,)))),
    "changes a class": proto(named("collections", "OrderedDict") + b"}" + text("a") + b"Nsb"),
    "sets slots": proto(call(named("collections", "OrderedDict")) + b"N}\x86b"),
    "fills a class": proto(named("collections", "OrderedDict") + text("a") + b"Ns"),
    "appends to a dict": proto(b"}" + text("a") + b"a"),
    "fills a scalar": proto(b"K\x01" + text("a") + b"Ns"),
    "new with arguments": proto(
        named("sklearn.linear_model._base", "LinearRegression") + text("x") + b"\x85\x81"
    ),
    "new with keywords": proto(
        named("sklearn.linear_model._base", "LinearRegression") + b")}" + text("a") + b"Ns\x92", 4
    ),
    "new of a function": proto(named("_codecs", "encode") + b")\x81"),
    "new of no class": proto(b"K\x01)\x81"),
    "arguments that aren't a tuple": proto(named("collections", "OrderedDict") + b"]R"),
    "encodes otherwise": proto(call(named("_codecs", "encode"), text("a"), text("zip"))),
    "a huge bytearray": proto(call(named("builtins", "bytearray"), b"J\xff\xff\xff\x7f")),
    "a list of a range": proto(
        call(named("builtins", "list"), call(named("builtins", "range"), b"J\xff\xff\xff\x7f"))
    ),
    "a set of a set": proto(call(named("builtins", "set"), call(named("builtins", "set")))),
    "a factory of files": proto(call(named("collections", "defaultdict"), named("io", "open"))),
    "a deque of a range": proto(
        call(named("collections", "deque"), call(named("builtins", "range"), b"K\x01"))
    ),
    "rebuilds a list": proto(
        call(named("copyreg", "_reconstructor"), named("builtins", "list"),
             named("builtins", "object"), b"N")
    ),
}  # fmt: skip


@pytest.mark.parametrize("attack", ODD)
def test_ways_that_no_honest_writer_takes(attack: str) -> None:
    assert inspect_bytes(ODD[attack]).verdict == "unsafe"


BROKEN = {
    "nothing on the stack": b"\x80\x02.",
    "stops too early": b"\x80\x02K\x01K\x02.",
    "leaves a mark": b"\x80\x02(K\x01.",
    "memo never written": b"\x80\x02h\x05.",
    "pops too much": b"\x80\x020.",
    "pops at the mark": b"\x80\x02(0N.",
    "group without mark": b"\x80\x02K\x01t.",
    "pops a group": b"\x80\x02N(K\x011.",
    "duplicates": b"\x80\x02K\x012\x86.",
    "key without value": b"\x80\x02}(K\x01u.",
    "class missing": b"\x80\x02(o.",
    "protocol in the middle": b"\x80\x02K\x01\x80\x02.",
    "protocol of the future": b"\x80\x06N.",
    "buffers from outside": b"\x80\x05\x97.",
    "frame too short": framed(pickled({"a": 1}), 2),
    "frame too long": framed(b"N", 100),
    "frame inside an opcode": framed(text("hello"), 8),
    "frame in a frame": b"\x80\x04\x95" + struct.pack("<Q", 20) + framed(b"N")[2:],
    "garbage after": pickle.dumps({"a": 1}) + b"x",
    "another after": pickle.dumps({"a": 1}) + pickle.dumps([2]),
    "zip after": pickle.dumps({"a": 1}) + b"PK\x03\x04",
    "cut": pickle.dumps({"a": [1, 2, 3]})[:-3],
}
HONEST_AFTER_ALL = {"pops at the mark", "pops a group", "duplicates"}


@pytest.mark.parametrize("attack", BROKEN)
def test_broken_pickles_are_not_safe(attack: str) -> None:
    verdict = inspect_bytes(BROKEN[attack]).verdict
    assert verdict == ("safe" if attack in HONEST_AFTER_ALL else "unknown")


def test_expansion_bombs_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pickle, "_MOST_WORK", 20_000)
    found = inspect_bytes(proto(b"](" + b"N" * 30_000 + b"e"))
    assert found.verdict == "unknown"
    assert "too much work" in found.reasons[0]
    ones = b"](" + b"K\x01" * 200 + b"eq\x00"
    sets = proto(ones + b"(" + (named("builtins", "set") + b"h\x00\x85R") * 300 + b"t\x86")
    assert inspect_bytes(sets).verdict == "unknown"


def test_texts_from_outside_are_not_repeated() -> None:
    for data in (proto(named("a\x1b[31m", "b")), proto(b"\xfe\x1b[31m")):
        assert "\x1b" not in "".join(inspect_bytes(data).reasons)
    assert len(inspect_bytes(proto(named("a" * 5000, "b"))).reasons[0]) < 200


@given(st.binary(max_size=60))
@settings(max_examples=300, deadline=None)
def test_anything_gets_an_answer(data: bytes) -> None:
    for candidate in (data, b"\x80\x02" + data, b"\x80\x04" + data + STOP):
        inspect_bytes(candidate)


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_no_change_makes_a_hostile_file_safe(data: st.DataObject) -> None:
    body = bytearray(proto(call(named("os", "system"), text("true"))))
    at = data.draw(st.integers(2, len(body) - 2))
    body[at] = data.draw(st.integers(0, 255))
    # One changed byte can make the name another text, never an allowed global.
    if inspect_bytes(bytes(body)).verdict == "safe":
        assert b"cos" not in body or b"\nsystem" not in body


# --- Honest files ------------------------------------------------------------------------------

HONEST: dict[str, Any] = {
    "plain": [{1, 2}, frozenset([3]), b"abc", bytearray(b"x"), 1.5, 2j, None, True, 10**50, "ü"],
    "long": ["x" * 300, b"y" * 70_000, "ε" * 5000, slice(1, 2), range(3), (), (1,), (1, 2, 3, 4)],
    "collections": [
        collections.OrderedDict(a=1),
        collections.defaultdict(list, {1: [2]}),
        collections.Counter("abca"),
        collections.deque([1, 2], 5),
    ],
    "dates": [
        dt.datetime(2020, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=1), "x")),
        dt.date(2020, 1, 1),
        dt.time(1, 2, tzinfo=dt.UTC),
        dt.timedelta(1),
    ],
    "numbers": [np.arange(10.0), np.arange(6).reshape(2, 3).T, np.zeros((0, 3)), np.zeros(20_000)],
    "other types": [
        np.arange(3, dtype=">f8"),
        np.array(["ab", "c"]),
        np.array([b"ab"]),
        np.array(["2020-01-01"], dtype="M8[ns]"),
        np.array([1, "a", None], dtype=object),
        np.array(True),
    ],
    "structs": [
        np.zeros(3, dtype=[("a", "i4"), ("b", "f8", (2,)), ("c", "U3")]),
        np.array([(1, "x")], dtype=[("a", "i4"), ("b", object)]),
        np.zeros(2, dtype=np.dtype([("a", "i1"), ("b", "f8")], align=True)),
        np.zeros(2, dtype=[("outer", [("inner", "f4"), ("more", "O")])]),
    ],
    "scalars": [np.float64(1.5), np.int32(3), np.bool_(True), np.str_("x"), np.float32],
    "types": [np.dtype("f4"), np.dtype(">i8"), np.dtype("V12"), np.dtype([("a", "f4")])],
}
HONEST["shared"] = [HONEST["plain"], HONEST["plain"], HONEST["numbers"][0], HONEST["numbers"][0]]


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", HONEST)
def test_honest_values_are_safe(name: str, protocol: int) -> None:
    for dump in (pickle.dumps, pickle._dumps):  # type: ignore[attr-defined]  # the one in Python
        found = inspect_bytes(dump(HONEST[name], protocol))
        assert found.reasons == ()
        assert (found.verdict, found.format) == ("safe", "pickle")


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_scikit_learn_models_are_safe(protocol: int) -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    bayes = pytest.importorskip("sklearn.naive_bayes")
    x = np.arange(24.0).reshape(8, 3) % 5
    y = np.array([0, 1] * 4)
    for model in (
        linear.LogisticRegression(),
        linear.LinearRegression(),
        linear.Ridge(),
        bayes.GaussianNB(),
        preprocessing.StandardScaler(),
        preprocessing.OneHotEncoder(),
    ):
        found = inspect_bytes(pickle.dumps(model.fit(x, y), protocol))
        assert found.reasons == ()
        assert found.verdict == "safe"


JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=20,
)


def test_a_pickle_whose_ninth_byte_is_a_brace() -> None:
    """By its first bytes it could be safetensors with an impossible header."""
    honest = pickle.dumps([(4731.0, None), None], 1)
    assert honest[8:9] == b"{"
    assert inspect_bytes(honest).verdict == "safe"
    hostile = honest[:-2] + b"cos\nsystem\nX\x01\x00\x00\x00a\x85Re."
    assert inspect_bytes(hostile).verdict == "unsafe"
    assert inspect_bytes(honest[:-1]).verdict != "safe"


@example([(4731.0, None), None], 1)
@given(JSON_LIKE, st.integers(0, 5))
@settings(max_examples=100, deadline=None)
def test_any_plain_value_is_safe(value: object, protocol: int) -> None:
    assert inspect_bytes(pickle.dumps(value, protocol)).verdict == "safe"
