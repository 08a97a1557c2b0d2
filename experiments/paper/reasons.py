"""The reasons of the verdicts: one paragraph per claim and per way in which pages become dirty."""

REASONS = {
    ("fixed-samples", "pages_before_stop"): """\
The filter never sends a page that the baseline would not send. Between two rounds in which a page
is dirty, each rule sends it at most once, and the filter only where the baseline sends it too. So
the filter never sends more than the baseline, for any samples. It sends less if it still holds a
page back when the page is written again.""",
    ("fixed-samples", "downtime"): """\
A page that is dirty in the last round is sent while the VM is stopped, under any rule. The baseline
leaves exactly these pages to the stop, so no rule can leave fewer. The filter leaves these pages
and the clean pages that it holds back until the end. The claim fails for any samples. It also
contradicts the first claim: a page that is not sent before the stop is sent in the stop.""",
    ("fixed-samples", "total_time"): """\
The time is the number of pages sent, 6.78 ms each. If only the filter leaves a page to the stop,
the baseline has sent that page before the stop. So the total of the filter cannot be larger. Each
send that the next write of the page makes useless is a send less for the filter.""",
    ("time-driven", "pages_before_stop"): """\
Here the length of a round depends on its sends, and pages become dirty during the round. As with
fixed samples, the filter holds back pages that the baseline sends. But rounds get shorter and
shorter under both rules. So most pages that are clean at their visit stay clean, and few of the
sends that the filter avoids are useless. These pages are sent in later rounds or in the stop.""",
    ("time-driven", "downtime"): """\
The last rounds of the baseline are so short that almost no page becomes dirty in them, and almost
no page is left to the stop. The filter still counts the dirty bits of the long rounds, and the bits
logged before the migration. So it holds back pages that would stay clean by now, and sends them in
the stop. The baseline sends so few pages there that one such page is a large difference.""",
    ("time-driven", "total_time"): """\
The filter saves sends that a later write would make useless. Fewer sends make rounds shorter, so
fewer pages become dirty. But the stop of the filter is larger: its pages are sent later, not saved.
Which of the two effects is larger depends on how often pages are written.""",
}
