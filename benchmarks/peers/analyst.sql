-- The findings of `cdr-anomaly scan` as a competent analyst would write them in DuckDB: each
-- definition as it reads, windows over all calls, and the filters at the end.
--
-- For one local day of records with one row a call, all of them Chinese mobile numbers; severities,
-- reasons and checks of bad rows are left out. Reads the variable folder, sets duplicates.

-- Each row once, and its start in local time, of which the day is taken.
CREATE TEMP TABLE records AS
SELECT DISTINCT
    calling_number,
    called_number,
    start_time AT TIME ZONE 'Asia/Shanghai' AS start_local,
    duration_s,
    record_type,
    redirecting_number
FROM read_parquet(getvariable('folder') || '/calls/*.parquet');

SET VARIABLE duplicates = (
    (SELECT count(*) FROM read_parquet(getvariable('folder') || '/calls/*.parquet'))
    - (SELECT count(*) FROM records)
);

SET VARIABLE today = (SELECT max(CAST(start_local AS DATE)) FROM records);

CREATE TEMP TABLE findings AS
WITH
births AS (
    SELECT line, max(activation) AS born, getvariable('today') - max(activation) AS age_d
    FROM read_parquet(getvariable('folder') || '/subscribers.parquet')
    WHERE activation IS NOT NULL
    GROUP BY line
),

-- Calls up to each call. A window is open at its start: a call exactly 10 minutes ago is out.
rolling AS (
    SELECT
        calling_number AS line,
        called_number,
        count(*) OVER (
            PARTITION BY calling_number ORDER BY start_local
            RANGE BETWEEN INTERVAL 599999999 MICROSECONDS PRECEDING AND CURRENT ROW
        ) AS in_10min,
        count(*) OVER (
            PARTITION BY calling_number ORDER BY start_local
            RANGE BETWEEN INTERVAL 3599999999 MICROSECONDS PRECEDING AND CURRENT ROW
        ) AS in_60min,
        count(*) OVER (
            PARTITION BY calling_number ORDER BY start_local
            RANGE BETWEEN INTERVAL 86399999999 MICROSECONDS PRECEDING AND CURRENT ROW
        ) AS in_24h
    FROM records
    WHERE record_type = 'call'
),
placed AS (
    SELECT
        line,
        count(*) AS n_out,
        count(DISTINCT called_number) AS n_distinct,
        max(in_10min) AS peak_10min,
        max(in_60min) AS peak_60min,
        max(in_24h) AS peak_24h
    FROM rolling
    GROUP BY line
),
received AS (
    SELECT called_number AS line, count(*) AS n_in
    FROM records
    WHERE record_type = 'call'
    GROUP BY called_number
),

-- Who forwards, from whom, to whom; a line that forwards to itself does not forward.
hops AS (
    SELECT
        row_number() OVER (
            ORDER BY start_local, redirecting_number, called_number, calling_number
        ) AS hop,
        redirecting_number AS line,
        called_number AS target,
        calling_number AS caller,
        start_local
    FROM records
    WHERE record_type = 'fwd' AND redirecting_number <> called_number
),
forwarded AS (
    SELECT line, count(*) AS n_forwarded, count(DISTINCT caller) AS n_callers
    FROM hops
    GROUP BY line
),
lines AS (
    SELECT
        line,
        coalesce(n_out, 0) AS n_out,
        coalesce(n_distinct, 0) AS n_distinct,
        coalesce(peak_10min, 0) AS peak_10min,
        coalesce(peak_60min, 0) AS peak_60min,
        coalesce(peak_24h, 0) AS peak_24h,
        coalesce(n_in, 0) AS n_in,
        coalesce(n_forwarded, 0) AS n_forwarded,
        coalesce(n_callers, 0) AS n_callers,
        age_d
    FROM placed
    FULL JOIN received USING (line)
    FULL JOIN forwarded USING (line)
    LEFT JOIN births USING (line)
),

mass_dialler AS (
    SELECT line AS subject
    FROM lines
    WHERE greatest(n_out, peak_24h) >= 500 AND n_distinct >= 50
),
high_frequency AS (
    SELECT line AS subject
    FROM lines
    WHERE n_out >= 30
        AND (peak_10min >= 12 OR peak_60min >= 30 OR n_out >= 200)
        AND n_distinct / n_out >= 0.5
        AND n_out / (n_out + n_in) >= 0.7
),

-- Forwarding: lines that do nothing else (bridges), and targets of many lines in use (platforms).
bridges AS (
    SELECT *
    FROM lines
    WHERE n_forwarded >= 5 AND n_out <= 1 AND n_forwarded >= 0.9 * greatest(n_in, n_forwarded)
),
platforms AS (
    SELECT target
    FROM (SELECT DISTINCT target, line FROM hops) AS pairs
    LEFT JOIN bridges USING (line)
    GROUP BY target
    HAVING count(*) >= 10 AND count(bridges.n_out) * 2 < count(*)
),
other_hops AS (
    SELECT * FROM hops WHERE target NOT IN (SELECT target FROM platforms)
),
hubs AS (
    SELECT target AS subject
    FROM (
        SELECT target, line, count(*) AS n_calls
        FROM other_hops
        GROUP BY target, line
    ) AS pairs
    JOIN bridges USING (line)
    WHERE n_calls * 2 >= n_forwarded
    GROUP BY target
    HAVING count(*) >= 5
),
lone_bridges AS (
    SELECT line AS subject
    FROM bridges
    JOIN other_hops USING (line)
    WHERE n_callers >= 0.8 * n_forwarded OR age_d BETWEEN 0 AND 30 OR target NOT LIKE '+86%'
),
changing_targets AS (
    SELECT line AS subject
    FROM other_hops
    GROUP BY line
    HAVING count(DISTINCT target) >= 3 AND count(*) < 2 * count(DISTINCT target)
),
calls_to_itself AS (
    SELECT line AS subject
    FROM other_hops
    WHERE caller = line
    GROUP BY line
    HAVING count(*) >= 3
),

-- Chains: a hop is followed by the nearest one in time, if it is the nearest of that one, too.
-- Two hops within 5 s that follow each other are a ring without a first hop: there are none here.
near AS (
    SELECT
        before.hop,
        after.hop AS hop_next,
        abs(epoch_us(after.start_local) - epoch_us(before.start_local)) AS apart
    FROM hops AS before
    JOIN hops AS after
        ON after.line = before.target
        AND after.caller = before.caller
        AND after.hop <> before.hop
        AND after.start_local >= before.start_local - INTERVAL 5 SECONDS
        AND after.start_local <= before.start_local + INTERVAL 35 SECONDS
),
links AS (
    SELECT hop, hop_next
    FROM near
    QUALIFY row_number() OVER (PARTITION BY hop ORDER BY apart, hop_next) = 1
        AND row_number() OVER (PARTITION BY hop_next ORDER BY apart, hop) = 1
),
first_hops AS (
    SELECT hop FROM links WHERE hop NOT IN (SELECT hop_next FROM links)
),
walks AS (
    WITH RECURSIVE walk AS (
        SELECT hop AS chain, hop, 1 AS depth FROM first_hops
        UNION ALL
        SELECT chain, hop_next, depth + 1 FROM walk JOIN links USING (hop)
    )
    FROM walk
),
chains AS (
    SELECT arg_min(line, depth) AS subject
    FROM walks
    JOIN other_hops USING (hop)
    GROUP BY chain
    HAVING count(*) >= 2
),

-- New lines: the day of the feed is all within the first 72 hours from their first call in it.
new_dialling AS (
    SELECT line AS subject
    FROM lines
    WHERE age_d BETWEEN 0 AND 5
        AND (n_out >= 100 OR peak_60min >= 30)
        AND n_distinct >= 0.5 * n_out
),
new_forwarding AS (
    SELECT line AS subject
    FROM lines
    WHERE age_d BETWEEN 0 AND 2
        AND n_forwarded >= 5
        AND n_forwarded >= 0.9 * greatest(n_in, n_forwarded)
        AND n_out <= 1
),

-- Blocks of new lines. The tool also asks for a negative-binomial tail that passes a control of
-- false discovery; here, where the tail decides nothing, its two other conditions stand alone.
block_births AS (
    SELECT
        digits,
        left(line, 3 + digits) AS block,
        greatest(count(*) FILTER (age_d >= 7), 1) AS n_lines,
        count(*) FILTER (age_d BETWEEN 7 AND 60) AS n_past,
        [
            count(*) FILTER (age_d BETWEEN 0 AND 0),
            count(*) FILTER (age_d BETWEEN 0 AND 2),
            count(*) FILTER (age_d BETWEEN 0 AND 6)
        ] AS n_new
    FROM births, (VALUES (7), (6), (5), (4)) AS levels (digits)
    WHERE line LIKE '+86%'
    GROUP BY digits, block
),
block_rates AS (
    -- 54 days lie between 60 days ago and a week ago.
    SELECT
        digits,
        block,
        unnest(n_new) AS n_new,
        unnest([1, 3, 7]) * n_lines
        * sum(n_past) OVER (PARTITION BY digits)
        / (54 * sum(n_lines) OVER (PARTITION BY digits)) AS expected
    FROM block_births
),
surges AS (
    SELECT digits, block, max(n_new) AS n_new
    FROM block_rates
    WHERE n_new >= 10 AND n_new >= 3 * expected
    GROUP BY digits, block
),
new_blocks AS (
    -- A shorter block is no news where the surging blocks of 7 digits in it have 70 % of its lines.
    SELECT whole.block AS subject
    FROM surges AS whole
    LEFT JOIN surges AS part
        ON whole.digits < 7 AND part.digits = 7 AND starts_with(part.block, whole.block)
    GROUP BY whole.block, whole.n_new
    HAVING coalesce(sum(part.n_new), 0) < 0.7 * whole.n_new
)

SELECT 'mass_dialler' AS detector, subject FROM mass_dialler
UNION
SELECT 'high_frequency', subject FROM high_frequency
UNION
SELECT 'forwarding_chain', subject FROM hubs
UNION
SELECT 'forwarding_chain', subject FROM lone_bridges
UNION
SELECT 'forwarding_chain', subject FROM changing_targets
UNION
SELECT 'forwarding_chain', subject FROM calls_to_itself
UNION
SELECT 'forwarding_chain', subject FROM chains
UNION
SELECT 'new_sim_burst', subject FROM new_dialling
UNION
SELECT 'new_sim_burst', subject FROM new_forwarding
UNION
SELECT 'new_sim_burst', subject FROM new_blocks;

SELECT detector, subject FROM findings ORDER BY ALL;
