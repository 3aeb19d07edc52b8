"""Questions about one chart, answered from its figures."""

from __future__ import annotations

import json

from interactions.demo.pictures.charts import Chart, Series, figure

Spoken = tuple[str, tuple[str, ...], tuple[str, ...]]  # what is asked, good answers, poor ones


def extreme(chart: Chart, series: Series) -> tuple[str, str, str, str]:
    """Label and figure of the highest, then of the lowest value."""
    top, low = series.values.index(max(series.values)), series.values.index(min(series.values))
    unit = chart.unit
    return chart.labels[top], figure(max(series.values), unit), chart.labels[low], figure(min(series.values), unit)


def about_chart(chart: Chart) -> list[Spoken]:
    series = chart.series[0]
    high, most, low, least = extreme(chart, series)
    title, name = chart.title, series.name
    asked: list[Spoken] = [
        (
            f"Where is {name} highest in '{title}', and what is the value?",
            (f"At **{high}**, with {most}.", f"{name} peaks at {high}: {most}. The lowest is {low} with {least}."),
            (f"At {low}, I think.", "The chart shows several bars of different heights."),
        ),
        (
            f"Read the chart '{title}' into a table.",
            (table(chart), f"Here are the values as printed in the picture:\n\n{table(chart)}"),
            (),
        ),
        (f"What should I say about '{title}' in one sentence on the slide?", takeaway(chart), ()),
        (
            f"Lowest and highest {name} in this picture?",
            (f"Lowest: {low} ({least}). Highest: {high} ({most}).", f"{least} for {low} up to {most} for {high}."),
            (),
        ),
        (
            f"Give me the data of '{title}' as JSON, nothing else.",
            (as_json(chart),),
            (f"{title} as JSON: not available.",),
        ),
    ]
    if len(chart.series) > 1:
        asked.append(gap(chart))
        asked.append(sums(chart))
    return asked


def takeaway(chart: Chart) -> tuple[str, ...]:
    if chart.style in ("ranking",):
        high, most, low, least = extreme(chart, chart.series[0])
        return (
            f"{high} leads clearly with {most}, while {low} brings up the rear with {least}.",
            f"From {high} ({most}) to {low} ({least}) the distance is larger than one would expect.",
        )
    start, end = chart.labels[0], chart.labels[-1]
    changes = [
        f"{series.name} goes from {figure(series.values[0])} to {figure(series.values[-1], chart.unit)}"
        for series in chart.series
    ]
    return (
        f"Between {start} and {end}, {' and '.join([', '.join(changes[:-1]), changes[-1]] if changes[1:] else changes)}.",
        f"{chart.title}, {start} to {end}: " + "; ".join(changes) + ".",
    )


def table(chart: Chart) -> str:
    head = ["", *(series.name for series in chart.series)]
    rows = [
        [label, *(figure(series.values[place]) for series in chart.series)] for place, label in enumerate(chart.labels)
    ]
    lines = [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]
    return "\n".join(lines) + (f"\n\nAll values in {chart.unit}." if chart.unit else "")


def as_json(chart: Chart) -> str:
    content = {series.name: dict(zip(chart.labels, series.values, strict=True)) for series in chart.series}
    return json.dumps({"title": chart.title, "unit": chart.unit, "series": content}, ensure_ascii=False)


def gap(chart: Chart) -> Spoken:
    first, second = chart.series[0], chart.series[1]
    gaps = [round(abs(a - b), 2) for a, b in zip(first.values, second.values, strict=True)]
    place = gaps.index(max(gaps))
    label, size = chart.labels[place], figure(max(gaps), chart.unit)
    a, b = figure(first.values[place]), figure(second.values[place])
    return (
        f"'{chart.title}': where are {first.name} and {second.name} furthest apart?",
        (
            f"At {label}: {first.name} stands at {a}, {second.name} at {b}, a difference of {size}.",
            f"{label}, by {size} ({a} against {b}).",
        ),
        (f"They are about the same everywhere in '{chart.title}'.",),
    )


def sums(chart: Chart) -> Spoken:
    place = len(chart.labels) - 1
    values = [series.values[place] for series in chart.series]
    total, label = figure(round(sum(values), 2), chart.unit), chart.labels[place]
    working = " + ".join(figure(value) for value in values)
    names = ", ".join(series.name for series in chart.series)
    if chart.unit in ("%", "ms", "°C", "nats", "mm"):
        ranked = sorted(chart.series, key=lambda series: -series.values[place])
        order = ", ".join(f"{series.name} ({figure(series.values[place], chart.unit)})" for series in ranked)
        return f"Order {names} by their last value in the picture.", (f"{order}.", f"At {label}: {order}."), ()
    return (
        f"Add up {names} for {label}. ({chart.title})",
        (f"{working} = **{total}**.", f"For {label} the picture gives {working}, together {total}."),
        (f"I can't add these, but {label} looks high.",),
    )


def about_pie(chart: Chart) -> list[Spoken]:
    values, unit = chart.series[0].values, chart.unit
    share = dict(zip(chart.labels, values, strict=True))
    ranked = sorted(share, key=lambda label: -share[label])
    first, second, last = ranked[0], ranked[1], ranked[-1]
    both = figure(share[first] + share[second], unit)
    top = figure(share[first], unit)
    return [
        (
            f"What is the largest slice of '{chart.title}'?",
            (f"{first}, with {top}.", f"The largest slice is {first} ({top}), followed by {second}."),
            (f"{second}, as far as I can see.",),
        ),
        (
            f"{first} and {second} together: how much is that in this chart?",
            (f"{top} + {figure(share[second], unit)} = **{both}**.", f"Together they make up {both}."),
            (f"Roughly half of '{chart.title}'.",),
        ),
        (
            f"List everything in '{chart.title}' from small to large.",
            ("\n".join(f"{n}. {label}: {figure(share[label], unit)}" for n, label in enumerate(reversed(ranked), 1)),),
            (),
        ),
        (
            f"Alt text for this chart ({chart.title}), please, for a screen reader.",
            (
                f"Pie chart, {chart.title}: " + ", ".join(f"{x} {figure(share[x], unit)}" for x in ranked) + ".",
                f"A pie chart with {len(ranked)} slices; {first} is the largest at {top}, {last} the smallest at "
                f"{figure(share[last], unit)}.",
            ),
            (),
        ),
    ]
