-- One row whose time is written again and again on the source, and read on the replica.
CREATE TABLE bench_beats (
    id INT NOT NULL PRIMARY KEY,
    beat DOUBLE NOT NULL
);

INSERT INTO bench_beats (id, beat) VALUES (1, 0);
