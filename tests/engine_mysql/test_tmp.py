from tests.database import Database, Reference
def test_x(mysql: Database) -> None:
    db = mysql
    db.table("t0", "id bigint", "r00 bigint null", rows=[(1,None),(2,None)])
    db.table("t1", "id bigint", "u bigint null", "r00 bigint", "r20 bigint null", unique=["u"], rows=[(1,None,1,None),(2,5,1,None)])
    db.table("t2", "id bigint", "r00 bigint", "r10 bigint null", "r20 bigint null", rows=[(3,5,None,None)])
    db.add_reference("t0", Reference("r00","t1","no action"))
    db.add_reference("t1", Reference("r20","t2","cascade"))
    db.add_reference("t2", Reference("r10","t2","cascade"))
    db.add_reference("t2", Reference("r20","t2","cascade"))
    db.index("t1","r00"); db.index("t2","r00")
    db.declare_deletion_reference("a","t1",["r00"],"t0",["id"],"cascade")
    db.declare_deletion_reference("b","t1",["r00"],"t0",["id"],"cascade")
    db.declare_deletion_reference("c","t2",["r00"],"t1",["u"],"cascade")
    db.register_deletion_target("t0")
    for r in db.rows("SELECT 1"): pass
    db.compile_deletion_plan("t0")
    print(db.rows("SELECT kind, edge_no, reference_name, action FROM vw_deletion_plan WHERE hard_delete AND kind IN ('link','circle','loose','cycle','fetch')"))
    job = db.delete("t0", 1)
    print(job.status, job.error, db.rows("select * from deletion_attempts"), db.rows("select * from deletion_runs"))
    assert job.status == "done"
