-- 100,000 jobs with an attempt and a line of history each, as years leave them behind, and one modem that is known: "pump".
BEGIN;

WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 100000)
INSERT INTO jobs (campaign, modem, imei, state, reason, cme, target, attempts, not_before, updated, model,
	version_from, version_to, step, attempt, started, start_durable, reported, complete, failed, left_port, restarted,
	end_open, callbreak_known, callbreak_written, callbreak, gprsfirst_known, gprsfirst_written, gprsfirst, rat_known,
	rat_written, rat, pdp_opened, boot_id)
SELECT 'c' || (i % 100), 'm' || i, printf('%015d', i), 'succeeded', '', -1,
	'16000.1000.00.01.30', 1, 0, 1700000000000000, 'L610-CN-62-36', '16000.1000.00.01.29', '16000.1000.00.01.30',
	'hold', 1, 99, 0, 1, 1, 0, 1, 1, 0, 1, 0, '0', 1, 0, '0', 0, 0, '', 0, 'another' FROM c;

INSERT INTO attempts (campaign, modem, imei, number, version_from, version_to, transport, started, ended, outcome,
	reason, cme, evidence)
SELECT campaign, modem, imei, 1, version_from, version_to, 'http', 1, 2, 'succeeded', '', -1,
	'before=16000.1000.00.01.29 after=16000.1000.00.01.30 reports=101 first-percent=0 last-percent=100' FROM jobs;

INSERT INTO history (time, who, campaign, modem, imei, what, before, after, reason, detail)
SELECT updated, 'daemon', campaign, modem, imei, 'state', 'running', 'succeeded', '', '' FROM jobs;

INSERT OR REPLACE INTO modems (name, imei, model, version, seen) VALUES ('pump', '867962040000019', 'NL668-EU-00', '1', 1);

COMMIT;
