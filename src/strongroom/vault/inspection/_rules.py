"""The allow-list: every global that a pickle may name, and the only ways it may be used.

Exact names, no patterns: whatever resolves a text to a callable reaches everything, so a wildcard
over a module is a hole. A name belongs here when loading it can do nothing but build plain data,
whatever its arguments (checked where arguments matter).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from strongroom.vault.inspection import _numpy_rules as numpy_rules
from strongroom.vault.inspection import _torch_rules as torch_rules
from strongroom.vault.inspection._values import (
    Const,
    Items,
    Made,
    Name,
    Value,
    is_bytes,
    is_const,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Arguments: TypeAlias = Callable[[Sequence[Value]], bool]
    State: TypeAlias = Callable[[Made, Value], bool]


@dataclass(frozen=True)
class Rule:
    """How a global may be used.

    Attributes:
        call: whether it may be called with these arguments; None: never.
        new: whether objects of it may be made by `cls.__new__(cls)`.
        state: whether its objects may take this state; None: never.
        fill: which opcodes may fill its objects.
    """

    call: Arguments | None = None
    new: bool = False
    state: State | None = None
    fill: Literal["list", "dict", "set"] | None = None


def _nothing(args: Sequence[Value]) -> bool:
    return not args


def _constants(args: Sequence[Value]) -> bool:
    return all(isinstance(a, Const) or is_bytes(a) for a in args)


def _one_container(args: Sequence[Value]) -> bool:
    return len(args) <= 1 and all(isinstance(a, Items) for a in args)


def _queue(args: Sequence[Value]) -> bool:
    """`deque((…), maxlen)`."""
    return _one_container(args[:1]) and _constants(args[1:])


def _bytes_or_latin1(args: Sequence[Value]) -> bool:
    """`bytearray(b"…")`, or of text in Latin-1; never of a number, which is a size."""
    match args:
        case []:
            return True
        case [data]:
            return is_bytes(data)
        case [Const(value=str()), encoding]:
            return is_const(encoding, "latin-1", "latin1")
        case _:
            return False


def _latin1(args: Sequence[Value]) -> bool:
    """How protocols before 3 write bytes: as text, and the way back."""
    return (
        len(args) == 2  # noqa: PLR2004 - text and encoding
        and isinstance(args[0], Const)
        and isinstance(args[0].value, str)
        and is_const(args[1], "latin1", "latin-1")
    )


def _factory(args: Sequence[Value]) -> bool:
    """`defaultdict(list)`: the factory is called later, without arguments."""
    return all(
        (isinstance(a, Name) and a.path in _FACTORIES) or is_const(a, None) for a in args[:1]
    ) and all(isinstance(a, Items) for a in args[1:])


def _timezone(args: Sequence[Value]) -> bool:
    return all(
        isinstance(a, Const) or (isinstance(a, Made) and a.path == "datetime.timedelta")
        for a in args
    )


def _moment(args: Sequence[Value]) -> bool:
    return all(
        isinstance(a, Const)
        or is_bytes(a)
        or (isinstance(a, Made) and a.path == "datetime.timezone")
        for a in args
    )


def _attributes(made: Made, state: Value) -> bool:
    """A dict of attributes: no slots, no state that runs a setter."""
    return (
        made.state is None
        and isinstance(state, Items)
        and state.kind == "dict"
        and all(isinstance(k, Const) and type(k.value) is str for k in state.items[::2])
    )


def _two(names: str, rule: Rule) -> dict[str, Rule]:
    """The same rule under the name that Python 2 had for the module."""
    return {f"{module}.{n}": rule for n in names.split() for module in ("builtins", "__builtin__")}


_FACTORIES = frozenset(
    f"{module}.{name}"
    for module in ("builtins", "__builtin__")
    for name in ("list", "dict", "set", "int", "float", "str", "tuple", "bool")
)
_PLAIN = Rule(new=True, state=_attributes)
_ARRAY = Rule(call=numpy_rules.array_call, state=numpy_rules.array_state)
# Linear models and scalers: their state is numbers, texts and arrays, and none of them imports,
# opens or calls what its state names.
_SCIKIT_LEARN = (
    "discriminant_analysis.LinearDiscriminantAnalysis",
    "linear_model._base.LinearRegression",
    "linear_model._coordinate_descent.ElasticNet",
    "linear_model._coordinate_descent.Lasso",
    "linear_model._logistic.LogisticRegression",
    "linear_model._ridge.Ridge",
    "linear_model._ridge.RidgeClassifier",
    "naive_bayes.BernoulliNB",
    "naive_bayes.GaussianNB",
    "naive_bayes.MultinomialNB",
    "preprocessing._data.MaxAbsScaler",
    "preprocessing._data.MinMaxScaler",
    "preprocessing._data.StandardScaler",
    "preprocessing._encoders.OneHotEncoder",
    "preprocessing._encoders.OrdinalEncoder",
    "preprocessing._label.LabelBinarizer",
    "preprocessing._label.LabelEncoder",
    "svm._classes.LinearSVC",
)

_SCALAR_TYPES = (
    "bool_ int8 int16 int32 int64 uint8 uint16 uint32 uint64 "
    "float16 float32 float64 complex64 complex128 str_ bytes_ object_"
)

RECONSTRUCTORS = frozenset({"copyreg._reconstructor", "copy_reg._reconstructor"})

RULES: dict[str, Rule] = {
    **_two("object list dict tuple int float str bool", Rule()),
    **_two("bytes", Rule(call=_nothing)),
    **_two("set frozenset", Rule(call=_one_container, fill="set")),
    **_two("bytearray", Rule(call=_bytes_or_latin1)),
    **_two("complex range slice", Rule(call=_constants)),
    "__builtin__.xrange": Rule(call=_constants),
    **dict.fromkeys(RECONSTRUCTORS, Rule()),
    "_codecs.encode": Rule(call=_latin1),
    "collections.Counter": Rule(call=_one_container, fill="dict"),
    "collections.OrderedDict": Rule(call=_nothing, state=_attributes, fill="dict"),
    "collections.defaultdict": Rule(call=_factory, fill="dict"),
    "collections.deque": Rule(call=_queue, fill="list"),
    "datetime.date": Rule(call=_constants),
    "datetime.datetime": Rule(call=_moment),
    "datetime.time": Rule(call=_moment),
    "datetime.timedelta": Rule(call=_constants),
    "datetime.timezone": Rule(call=_timezone),
    "numpy.ndarray": Rule(),
    **{f"numpy.{name}": Rule() for name in _SCALAR_TYPES.split()},
    "numpy.dtype": Rule(call=numpy_rules.dtype_call, state=numpy_rules.dtype_state),
    **{
        f"numpy.{core}.{name}": rule
        for core in ("core", "_core")
        for name, rule in {
            "multiarray._reconstruct": _ARRAY,
            "multiarray.scalar": Rule(call=numpy_rules.scalar_call),
            "numeric._frombuffer": Rule(call=numpy_rules.buffer_call),
        }.items()
    },
    **{f"sklearn.{name}": _PLAIN for name in _SCIKIT_LEARN},
    **dict.fromkeys(torch_rules.STORAGES, Rule()),
    **dict.fromkeys(torch_rules.DTYPES, Rule()),
    "torch.Size": Rule(call=torch_rules.size_call),
    "torch.device": Rule(call=torch_rules.device_call),
    "torch._utils._rebuild_parameter": Rule(call=torch_rules.parameter_call),
    "torch._utils._rebuild_tensor_v2": Rule(call=torch_rules.tensor_call),
    "torch._utils._rebuild_tensor_v3": Rule(call=torch_rules.typed_tensor_call),
}
