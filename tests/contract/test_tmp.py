import pytest
from tests.database import Database, Reference

@pytest.mark.parametrize("batch",[1,2,3])
@pytest.mark.parametrize("db", ["mysql", "mysql_native_fk", "postgres"], indirect=True)
def test_x(db: Database, batch) -> None:
    db.table("t0","id bigint","u bigint null","r00 bigint null","r10 bigint null","r20 bigint null",key=("id",))
    db.script(mysql="alter table t0 add unique key (u)", postgres="alter table t0 add unique (u)")
    rows=[(1,0,8,0,None),(2,None,0,0,None),(3,None,None,0,None),(4,3,0,0,0),(5,4,0,None,None),(6,5,None,None,None),(7,6,5,None,None),(8,7,None,None,0),(9,8,0,6,None),(10,9,3,9,0)]
    db.insert("t0",rows)
    for c in ("r00","r10","r20"):
        db.execute(f"alter table t0 add constraint fk_t0_{c} foreign key ({c}) references t0 (u) on delete cascade")
        db.execute(f"create index i{c} on t0 ({c})") if db.engine=="postgres" else None
    db.table("t3","id bigint","r00 bigint null",key=("id",))
    db.table("t2","id bigint","r00 bigint","r10 bigint null","r20 bigint",key=("id",))
    db.insert("t3",[(1,1),(2,None),(3,29),(4,1),(5,29),(6,None),(7,29),(8,None),(9,None),(10,1)])
    db.insert("t2",[(29,5,29,1),(1,1,29,8),(2,8,29,8),(3,3,1,1),(4,6,1,1)])
    db.execute("alter table t2 add constraint fk_t2_0 foreign key (r00) references t0 (id) on delete cascade")
    db.execute("alter table t2 add constraint fk_t2_1 foreign key (r10) references t2 (id) on delete cascade")
    db.execute("alter table t2 add constraint fk_t2_2 foreign key (r20) references t3 (id) on delete no action")
    db.execute("alter table t3 add constraint fk_t3_0 foreign key (r00) references t2 (id) on delete cascade")
    if db.engine=="postgres":
        for t,c in (("t2","r00"),("t2","r10"),("t2","r20"),("t3","r00")): db.execute(f"create index i{t}{c} on {t} ({c})")
    db.register_deletion_target("t0")
    db.set_deletion_setting("batch_rows", batch)
    db.set_deletion_setting("max_attempts", 1)
    print(db.preview_deletion("t0", 1))
    job = db.delete("t0", 1)
    print(job, db.receipts(job.id))
    for t in ("t0","t2","t3"): print(t, db.rows(f"select * from {t}"))
    assert 0
