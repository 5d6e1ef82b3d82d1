-- Employees belong to a department, and a department to the employee who leads it.
CREATE TABLE company (id bigint PRIMARY KEY);
CREATE TABLE department (
    id bigint PRIMARY KEY,
    company_id bigint NOT NULL
    CONSTRAINT department_company REFERENCES company ON DELETE CASCADE,
    manager_id bigint
);
CREATE TABLE employee (
    id bigint PRIMARY KEY,
    department_id bigint NOT NULL
    CONSTRAINT employee_department REFERENCES department ON DELETE CASCADE
);
INSERT INTO company VALUES (1);
INSERT INTO department SELECT n, 1, n FROM generate_series(1, 2) AS n;
INSERT INTO employee SELECT n, 1 + (n - 1) % 2 FROM generate_series(1, 8) AS n;
ALTER TABLE department ADD CONSTRAINT department_manager
FOREIGN KEY (manager_id) REFERENCES employee ON DELETE CASCADE;
CREATE INDEX ON department (company_id);
CREATE INDEX ON department (manager_id);
CREATE INDEX ON employee (department_id);
CALL register_deletion_target('company', NULL, NULL);
GRANT SELECT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO deletion_jobs_owner;
CALL compile_deletion_plan('company');
