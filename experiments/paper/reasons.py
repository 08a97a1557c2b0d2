"""Why the claims come out as they do: a paragraph for each, and for each way of dirtying pages."""

REASONS = {
    ("fixed-samples", "pages_before_stop"): """\
The filter never sends a page that the baseline would not send. Between two rounds in which a page
is dirty either rule sends it at most once, the filter only where the baseline does too. So it sends
no more than the baseline whatever the samples are, and less wherever it still holds a page back
when the page is written again.""",
    ("fixed-samples", "downtime"): """\
A page that is dirty in the last round has to be sent while the VM is stopped, under any rule. The
baseline leaves exactly these pages to the stop, so no rule can leave fewer. The filter leaves them
too, and on top the clean pages that it has held back until the end. The claim fails whatever the
samples are, and it contradicts the first: what is not sent before the stop is left for it.""",
    ("fixed-samples", "total_time"): """\
The time is the number of pages sent, 6.78 ms each. A page that only the filter leaves to the stop
has cost the baseline a send as well, before the stop, so the total cannot be larger. It is smaller
by every send that the page's next write made useless.""",
    ("time-driven", "pages_before_stop"): """\
A round now lasts as long as its sends, and pages get dirty while it lasts. As with fixed samples
the filter holds back pages that the baseline sends. But rounds get shorter and shorter under either
rule, so most pages that are clean at their turn would stay clean: few of the sends that the filter
avoids would have been useless. They come back in later rounds, or in the stop.""",
    ("time-driven", "downtime"): """\
The baseline's last rounds are so short that hardly a page gets dirty in them, and hardly a page is
left to the stop. The filter still counts dirty bits of the long rounds, those logged before the
migration among them, so that it holds back pages which would by now stay clean, and sends them in
the stop. Compared with next to nothing, even one such page is a lot.""",
    ("time-driven", "total_time"): """\
Sends that a later write would have made useless are saved, and what is not sent makes the rounds
shorter, so that less gets dirty. Against that stands the larger stop: its pages are not saved but
only sent later. Which of the two is larger depends on how often pages are written.""",
}
