"""If these fail, sites whose columns differ are trained together, or a value decides a recipe."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from tests.federate.sites import (
    COLUMNS,
    line,
    run,
    settings,
    site,
    three,
)

from strongroom.config import ColumnSpec, FederationSpec
from strongroom.errors import ConfigError, RefusedError
from strongroom.federate import LoopbackChannel
from strongroom.federate.coordinator import plan_recipe


def test_only_columns_that_all_have_are_learnt_from() -> None:
    rows = three()
    wide = rows["a"].table.append_column("blood", pa.array(np.ones(200)))
    rows["a"] = rows["a"].with_table(wide)
    channel = LoopbackChannel([site(n, d) for n, d in rows.items()])
    assert set(plan_recipe(channel, settings()).features) == {"age", "stay", "ward"}


def test_a_column_of_two_types_names_site_and_column() -> None:
    rows = three()
    texts = rows["b"].table.set_column(0, "age", pa.array(["old"] * 200))
    rows["b"] = rows["b"].with_table(texts)
    channel = LoopbackChannel([site(n, d) for n, d in rows.items()])
    with pytest.raises(ConfigError, match='column "age" is double at "a" and string at "b"'):
        plan_recipe(channel, settings())


def test_whole_numbers_at_one_site_are_numbers() -> None:
    rows = three()
    whole = rows["b"].table.column("age").cast(pa.int64(), safe=False)
    rows["b"] = rows["b"].with_table(rows["b"].table.set_column(0, "age", whole))
    channel = LoopbackChannel([site(n, d) for n, d in rows.items()])
    assert plan_recipe(channel, settings()).features["age"] == "double"
    assert run(channel).metrics["test"]["accuracy"] > 0.8


def test_declarations_that_contradict_need_the_coordinators() -> None:
    other = {**COLUMNS, "age": ColumnSpec(range=(0, 50))}
    sites = [site(n, d, columns=other if n == "b" else COLUMNS) for n, d in three().items()]
    channel = LoopbackChannel(sites)
    with pytest.raises(ConfigError, match='"a" and "b" declare column "age" differently'):
        plan_recipe(channel, settings())
    recipe = plan_recipe(channel, settings(), columns={"age": ColumnSpec(range=(0, 100))})
    assert recipe.model["encoder"][0]["range"] == [0, 100]


def test_classes_that_nobody_declares_are_not_looked_up() -> None:
    plain = {k: v for k, v in COLUMNS.items() if k != "ill"}
    channel = LoopbackChannel([site(n, d, columns=plain) for n, d in three().items()])
    with pytest.raises(ConfigError, match='classes of "ill" are not declared'):
        plan_recipe(channel, settings())


def test_sites_that_say_nothing_leave_no_plan() -> None:
    policy = FederationSpec(describe=False)
    channel = LoopbackChannel([site(n, d, policy=policy) for n, d in three().items()])
    with pytest.raises(RefusedError, match="no site says what columns it has"):
        plan_recipe(channel, settings())


def test_a_rule_that_too_few_sites_can_keep_is_told_before_anything_runs() -> None:
    with pytest.raises(ConfigError, match="needs 5 sites to tolerate f = 1"):
        plan_recipe(line(), settings(rule={"name": "krum", "liars": 1}))
