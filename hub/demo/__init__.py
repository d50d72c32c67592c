"""The whole story on real schools, in one command.

`schools` chooses the schools and writes the register's files, `fill` imports them; `story` makes changes one by one;
`watch` waits until all is settled; `cases` checks the result of each change and `report` prints it; `play` runs them in
this order on a `stage`: a stack of its own, with clients for it. `sandbox` does it for a supplier, scene by scene.
"""
