"""The published language: what the hub says to the outside and what it reads back, and nothing else.

Everything here is about form: identifiers and their checks, the CloudEvents envelope, the messages in it, the table of
topics, and the JSON Schemas and AsyncAPI document made from them. No I/O besides the reading and writing of the
generated files. `hub`, `consumers` and `producers` import this package; it imports none of them.

The field speaks Dutch, the code English; each term is explained once, here:

==========================  ==========================================================================================
mandate (mandaat)           a board's permission that one system exchanges data for one school, for one service, from
                            a start date and perhaps until an end date (a date, last day included)
board (bestuur)             the legal authority over schools (bevoegd gezag), known by five digits, the BGE code
school (instelling)         what a mandate is given for; known by its BRIN (BRIN4), two digits and two letters, and on
                            the wire by its school OIN, which holds the BRIN
branch (vestiging)          a place where a school teaches; BRIN6: the school's BRIN and two digits. `00` is often the
                            main one and does not always exist
service (dienst)            what data are exchanged for: BRON po, Verzuim, RIO, VVA; known by a service code
supplier (leverancier)      the company behind a system, known by its OIN, the twenty characters by which Dutch
                            government and its partners know an organisation
system (LAS)                the administration system of a school (leerlingadministratiesysteem), a supplier's product
routing characteristic      routeringskenmerk, here *routing id*: school OIN whose last five digits say which
                            administration of the school gets the message. Assigned, never derived from a branch
unit                        what one message is about: a branch that has a routing characteristic, or *the rest*, all
                            branches without one (written as the empty branch)
lane                        the line of all deliveries of one school to one destination; within it order is kept
delivery                    one message about one unit to one destination, from being planned to being processed
==========================  ==========================================================================================
"""
