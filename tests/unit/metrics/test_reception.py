"""What the public port was asked and refused, by when."""

from exporter.metrics.reception import Reception, Refused


def test_each_reason_is_told_with_its_number_and_newest_time() -> None:
    """The newest first, so that whoever tries something finds the answer on top."""
    times = iter([100.0, 110.0, 120.0, 130.0, 130.0])
    reception = Reception(lambda: next(times))
    for reason, number in (("app_not_allowed", 2), ("body_too_large", 1), ("app_not_allowed", 10)):
        reception.refuse(reason, number)
    reception.refuse("missing_action", 1)

    assert reception.since == 100
    assert [*reception.refusals.items()] == [
        ("app_not_allowed", Refused(12, 130)),
        ("missing_action", Refused(1, 130)),
        ("body_too_large", Refused(1, 120)),
    ]


def test_what_is_answered_well_is_a_sign_of_life_and_no_more() -> None:
    """`GET /stats`, for one."""
    times = iter([100.0, 110.0])
    reception = Reception(lambda: next(times))
    before = reception.asked
    reception.ask()

    assert (before, reception.asked, reception.refusals) == (None, 110, {})
