"""`lenssbi benchmark` on real stamps: network and fit against published values of the same lenses.

config      stamps, table of published values, methods
published   the table, in lenssbi's parameters
compare     stamp by stamp
statistics  over the stamps of one kind
table       the same as CSV and Markdown
run         all steps in order
"""
