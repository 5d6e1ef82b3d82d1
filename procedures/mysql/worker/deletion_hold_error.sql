-- deletion_hold_error
-- Write the error of a job that holds stop: table, key, end and reason of the first of them.
--
-- Parameters  p_holds   numbers of the holds
-- Returns     text
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_hold_error;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_hold_error(
    p_holds JSON
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the error of a job that holds stop: table, key, end and reason of the first of them'  -- noqa: LT05
BEGIN
    RETURN (
        SELECT concat(
            'JD006: held: ',
            group_concat(  -- noqa: CP01
                if(h.place > 3, NULL, concat(
                    h.table_name, ' ', h.row_pk, ' ',
                    coalesce(
                        concat('until ', date_format(h.held_until, '%Y-%m-%d %H:%i:%s'), ' UTC'),
                        'without end'
                    ),
                    ': ', h.reason
                ))
                ORDER BY h.hold_id SEPARATOR '; '
            ),
            if(count(*) > 3, concat('; and ', count(*) - 3, ' more'), '')
        )
        FROM (
            SELECT d.*, row_number() OVER (ORDER BY d.hold_id) AS place
            FROM json_table(p_holds, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) AS i
            INNER JOIN deletion_holds AS d ON d.hold_id = i.id
        ) AS h
    );
END$$
DELIMITER ;
