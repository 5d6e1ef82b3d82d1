-- Name the schema for one size of the backlog, for the statements that make and drop it.
SELECT set_config('bench.place', %(place)s, FALSE)
