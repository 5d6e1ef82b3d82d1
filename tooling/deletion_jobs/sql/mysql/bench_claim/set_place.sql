-- Name the database for one size of the backlog, for the statements that make and drop it.
SET @bench_place = concat('`', replace(%(place)s, '`', '``'), '`')
