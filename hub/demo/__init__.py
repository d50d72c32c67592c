"""The whole story on real schools, in one command.

`schools` casts the schools and writes the register's files, `fill` imports them; `story` makes the changes that tell
something; `watch` looks on until all is settled; `cases` says what came of each change and `report` prints it; `play`
puts them in a row on a `stage`: a stack of its own and the ways to it.
"""
