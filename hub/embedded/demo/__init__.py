"""The whole story on real schools, in one command.

`schools` casts the schools and writes the register's files; `story` makes the changes that tell something; `watch`
looks on until all is settled; `report` prints what came of it; `play` puts them in a row on a stack of its own.
"""
