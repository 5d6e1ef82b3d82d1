-- One row whose time is written again and again on the source, and read on the replica.
CREATE TABLE bench_beats (
    id integer PRIMARY KEY,
    beat double precision NOT NULL
);

INSERT INTO bench_beats (id, beat) VALUES (1, 0);
