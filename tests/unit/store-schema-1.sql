-- A store as schema 1 left it: what the migration must understand for ever.
BEGIN TRANSACTION;
CREATE TABLE jobs (  id INTEGER PRIMARY KEY,  campaign TEXT NOT NULL, modem TEXT NOT NULL, imei TEXT NOT NULL,  state TEXT NOT NULL, reason TEXT NOT NULL, cme INTEGER NOT NULL,  target TEXT NOT NULL, attempts INTEGER NOT NULL,  not_before INTEGER NOT NULL, updated INTEGER NOT NULL,  model TEXT NOT NULL, version_from TEXT NOT NULL, version_to TEXT NOT NULL,  step TEXT NOT NULL, attempt INTEGER NOT NULL, started INTEGER NOT NULL,  start_durable INTEGER NOT NULL, reported INTEGER NOT NULL, complete INTEGER NOT NULL,  failed INTEGER NOT NULL, left_port INTEGER NOT NULL, restarted INTEGER NOT NULL,  end_open INTEGER NOT NULL,  callbreak_known INTEGER NOT NULL, callbreak_written INTEGER NOT NULL, callbreak TEXT NOT NULL,  gprsfirst_known INTEGER NOT NULL, gprsfirst_written INTEGER NOT NULL, gprsfirst TEXT NOT NULL,  rat_known INTEGER NOT NULL, rat_written INTEGER NOT NULL, rat TEXT NOT NULL,  pdp_opened INTEGER NOT NULL,  boot_id TEXT NOT NULL) STRICT;
INSERT INTO "jobs" VALUES(1,'winter','pump-01','','waiting','',-1,'16000.1000.00.01.30',0,0,0,'','','','',0,0,0,0,0,0,0,0,0,0,0,'',0,0,'',0,0,'',0,'0123456789abcdef0123456789abcdef');
INSERT INTO "jobs" VALUES(2,'winter','pump-02','861234567890123','running','',-1,'16000.1000.00.01.30',1,0,1700000000000000,'L610-CN-62-36','16000.1000.00.01.28','16000.1000.00.01.29','download',2,123456789,1,1,0,0,0,0,1,1,1,'0',0,0,'',0,0,'',1,'0123456789abcdef0123456789abcdef');
INSERT INTO "jobs" VALUES(3,'winter','pump-03','861234567890131','failed','rejected',107,'16000.1000.00.01.30',3,-1,1700000000000000,'','','','',0,0,0,0,0,0,0,0,0,0,0,'',0,0,'',0,0,'',0,'0123456789abcdef0123456789abcdef');
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
INSERT INTO "meta" VALUES('boot_id','0123456789abcdef0123456789abcdef');
CREATE UNIQUE INDEX jobs_unidentified ON jobs (campaign, modem) WHERE imei = '';
CREATE UNIQUE INDEX jobs_identified ON jobs (campaign, imei) WHERE imei != '';
COMMIT;
PRAGMA application_id = 0x464f5441;
PRAGMA user_version = 1;
