"""Rewrites that have to see the network run are shown it by the main job."""

from __future__ import annotations

from surgery.job.case import load_case
from surgery.job.prepare import prepare
from surgery.job.strategy import choose
from surgery.job.trial import operating
from surgery.network.run import heads_of
from surgery.rewrites.conv_bn import Partner
from surgery.support.ledger import Ledger
from surgery.support.progress import Progress
from surgery.targets.registry import load_target

from ..conftest import Compose


def test_what_was_seen_reaches_the_rewrite_and_the_network_computes_the_same(
    compose: Compose,
) -> None:
    config = compose(
        "model=tinypose",
        "surgery.rewrites=[conv_bn,dropout]",
        "surgery.calibration.count=1",
        "surgery.pictures=1",
        "surgery.compare=[]",
    )
    target, progress = load_target("portable"), Progress()
    strategy = choose(config.surgery.dcn, target, "torchscript", None, config.surgery.rewrites)
    case = load_case(config, progress)
    plan = prepare(case, strategy, target, progress)
    assert any(isinstance(found, Partner) for found in plan.chosen.measured)
    ledger = Ledger()
    with operating(case, plan.chosen, ledger):
        heads = heads_of(case.model, case.samples[0].tensor)
    fired = [entry.where for entry in ledger.fired() if entry.name == "conv_bn"]
    assert len(fired) > 100
    for name, wanted in case.untouched[0].heads.items():
        # a hundred layers of float32 rounding; 1e-6 measured, relative to the largest value
        assert abs(heads[name] - wanted).max() < 1e-5 * abs(wanted).max()
