"""Questions in words: answered from a catalogue of metrics, over what shared readers see, or refused.

catalogue: what can be asked. members: the words for it. times: words for when. words: question → plan. query: plan →
SQL. answer: SQL → figure, as the shared reader. No step guesses: a word that means nothing known is a refusal that
names it.
"""
