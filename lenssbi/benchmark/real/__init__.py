"""`lenssbi benchmark` on real stamps: network and fit against what others published of the same lenses.

config      which stamps, which table, which methods
published   the table, in lenssbi's parameters
compare     stamp by stamp
statistics  over the stamps of one kind
table       the same as CSV and Markdown
run         all of it in order
"""
