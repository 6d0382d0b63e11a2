-- The findings of `cdr-anomaly scan` as an expert in DuckDB would write them: one scan of the files
-- into narrow columns, cheap counts first, and windows only for the few lines that are left.
--
-- For one local day of records with one row a call, all of them Chinese mobile numbers; severities,
-- reasons and checks of bad rows are left out. Reads the variable folder, sets duplicates.

SET preserve_insertion_order = false;

-- Numbers and instants as integers: no text is compared or kept from here on.
CREATE TEMP TABLE records AS
SELECT
    *,
    hash(calling, called, redirecting, start_us, duration_s, forward) AS key
FROM (
    SELECT
        CAST(calling_number AS BIGINT) AS calling,
        CAST(called_number AS BIGINT) AS called,
        CAST(redirecting_number AS BIGINT) AS redirecting,
        epoch_us(start_time) AS start_us,
        duration_s,
        record_type = 'fwd' AS forward
    FROM read_parquet(getvariable('folder') || '/calls/*.parquet')
);

-- Duplicates: rows are grouped by their hash, and compared in full only where it repeats.
CREATE TEMP TABLE surplus AS
SELECT rowid AS place
FROM records
WHERE key IN (SELECT key FROM records GROUP BY key HAVING count(*) > 1)
QUALIFY row_number() OVER (
    PARTITION BY calling, called, redirecting, start_us, duration_s, forward
) > 1;

SET VARIABLE duplicates = (SELECT count(*) FROM surplus);

DELETE FROM records WHERE rowid IN (FROM surplus);

SET VARIABLE today = (
    SELECT CAST(make_timestamptz(max(start_us)) AT TIME ZONE 'Asia/Shanghai' AS DATE) FROM records
);

CREATE TEMP TABLE births AS
SELECT
    CAST(line AS BIGINT) AS line,
    any_value(line) AS written,
    getvariable('today') - max(activation) AS age_d
FROM read_parquet(getvariable('folder') || '/subscribers.parquet')
WHERE activation IS NOT NULL
GROUP BY ALL;

-- No limit on placed calls is below 30 in the day.
CREATE TEMP TABLE busy AS
SELECT calling AS line, count(*) AS n_out
FROM records
WHERE NOT forward
GROUP BY calling
HAVING count(*) >= 30;

-- Lines that reach a limit must dial 500, or be mostly outgoing, or be new.
CREATE TEMP TABLE dialling AS
WITH received AS (
    SELECT called AS line, count(*) AS n_in
    FROM records
    WHERE NOT forward AND called IN (SELECT line FROM busy)
    GROUP BY called
)
SELECT
    line,
    n_out,
    n_out / (n_out + coalesce(n_in, 0)) >= 0.7 AS outgoing,
    coalesce(age_d BETWEEN 0 AND 5, false) AS new
FROM busy
LEFT JOIN received USING (line)
LEFT JOIN births USING (line)
WHERE n_out >= 500 OR outgoing OR new;

-- A window is open at its start: a call exactly 10 minutes ago is out.
CREATE TEMP TABLE measured AS
WITH rolling AS (
    SELECT
        calling AS line,
        called,
        count(*) OVER (
            PARTITION BY calling ORDER BY start_us
            RANGE BETWEEN 599999999 PRECEDING AND CURRENT ROW
        ) AS in_10min,
        count(*) OVER (
            PARTITION BY calling ORDER BY start_us
            RANGE BETWEEN 3599999999 PRECEDING AND CURRENT ROW
        ) AS in_60min
    FROM records
    WHERE NOT forward AND calling IN (SELECT line FROM dialling)
)
SELECT
    dialling.*,
    count(DISTINCT called) AS n_distinct,
    max(in_10min) AS peak_10min,
    max(in_60min) AS peak_60min
FROM rolling
JOIN dialling USING (line)
GROUP BY ALL;

-- Who forwards, from whom, to whom; a line that forwards to itself does not forward.
CREATE TEMP TABLE hops AS
SELECT
    row_number() OVER (ORDER BY start_us, redirecting, called, calling) AS hop,
    redirecting AS line,
    called AS target,
    calling AS caller,
    start_us
FROM records
WHERE forward AND redirecting <> called;

-- Lines that do nothing but forward; what they place and receive is counted for candidates only.
CREATE TEMP TABLE bridges AS
WITH candidates AS (
    SELECT line, count(*) AS n_forwarded, count(DISTINCT caller) AS n_callers
    FROM hops
    GROUP BY line
    HAVING count(*) >= 5
),
placed AS (
    SELECT calling AS line, count(*) AS n_out
    FROM records
    WHERE NOT forward AND calling IN (SELECT line FROM candidates)
    GROUP BY calling
),
received AS (
    SELECT called AS line, count(*) AS n_in
    FROM records
    WHERE NOT forward AND called IN (SELECT line FROM candidates)
    GROUP BY called
)
SELECT line, n_forwarded, n_callers, age_d
FROM candidates
LEFT JOIN placed USING (line)
LEFT JOIN received USING (line)
LEFT JOIN births USING (line)
WHERE coalesce(n_out, 0) <= 1
    AND n_forwarded >= 0.9 * greatest(coalesce(n_in, 0), n_forwarded);

-- Hops but for those to platforms, to which many lines in use forward.
CREATE TEMP TABLE other_hops AS
WITH pairs AS (
    SELECT DISTINCT target, line FROM hops
),
platforms AS (
    SELECT target
    FROM pairs
    LEFT JOIN bridges USING (line)
    GROUP BY target
    HAVING count(*) >= 10 AND count(n_forwarded) * 2 < count(*)
)
FROM hops WHERE target NOT IN (FROM platforms);

CREATE TEMP TABLE chain_heads AS
WITH
-- A hop is followed by the nearest one in time, if it is the nearest of that one, too.
-- Two hops within 5 s that follow each other are a ring without a first hop: there are none here.
near AS (
    SELECT
        before.hop,
        after.hop AS hop_next,
        abs(after.start_us - before.start_us) AS apart
    FROM hops AS before
    JOIN hops AS after
        ON after.line = before.target
        AND after.caller = before.caller
        AND after.hop <> before.hop
        AND after.start_us - before.start_us BETWEEN -5000000 AND 35000000
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
)
SELECT arg_min(line, depth) AS line
FROM walks
JOIN other_hops USING (hop)
GROUP BY chain
HAVING count(*) >= 2;

CREATE TEMP TABLE new_blocks AS
WITH
-- Blocks of new lines. The tool also asks for a negative-binomial tail that passes a control of
-- false discovery; here, where the tail decides nothing, its two other conditions stand alone.
block_births AS (
    SELECT
        digits,
        left(written, 3 + digits) AS block,
        greatest(count(*) FILTER (age_d >= 7), 1) AS n_lines,
        count(*) FILTER (age_d BETWEEN 7 AND 60) AS n_past,
        [
            count(*) FILTER (age_d BETWEEN 0 AND 0),
            count(*) FILTER (age_d BETWEEN 0 AND 2),
            count(*) FILTER (age_d BETWEEN 0 AND 6)
        ] AS n_new
    FROM births, (VALUES (7), (6), (5), (4)) AS levels (digits)
    WHERE written LIKE '+86%'
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
)
-- A shorter block is no news where the surging blocks of 7 digits in it have 70 % of its lines.
SELECT whole.block AS subject
FROM surges AS whole
LEFT JOIN surges AS part
    ON whole.digits < 7 AND part.digits = 7 AND starts_with(part.block, whole.block)
GROUP BY whole.block, whole.n_new
HAVING coalesce(sum(part.n_new), 0) < 0.7 * whole.n_new;

CREATE TEMP TABLE judged AS
SELECT 'mass_dialler' AS detector, line
FROM measured
WHERE n_out >= 500 AND n_distinct >= 50
UNION
SELECT 'high_frequency', line
FROM measured
WHERE (peak_10min >= 12 OR peak_60min >= 30 OR n_out >= 200)
    AND n_distinct / n_out >= 0.5
    AND outgoing
UNION
SELECT 'new_sim_burst', line
FROM measured
WHERE new AND (n_out >= 100 OR peak_60min >= 30) AND n_distinct >= 0.5 * n_out
UNION
SELECT 'new_sim_burst', line
FROM bridges
WHERE age_d BETWEEN 0 AND 2
UNION
SELECT 'forwarding_chain', line
FROM bridges
JOIN other_hops USING (line)
WHERE n_callers >= 0.8 * n_forwarded
    OR age_d BETWEEN 0 AND 30
    OR NOT starts_with(CAST(target AS VARCHAR), '86')
UNION
SELECT 'forwarding_chain', target
FROM (
    SELECT target, line, count(*) AS n_calls
    FROM other_hops
    GROUP BY target, line
) AS pairs
JOIN bridges USING (line)
WHERE n_calls * 2 >= n_forwarded
GROUP BY target
HAVING count(*) >= 5
UNION
SELECT 'forwarding_chain', line
FROM other_hops
GROUP BY line
HAVING count(DISTINCT target) >= 3 AND count(*) < 2 * count(DISTINCT target)
    OR count(*) FILTER (caller = line) >= 3
UNION
SELECT 'forwarding_chain', line
FROM chain_heads;

SELECT detector, '+' || line AS subject FROM judged
UNION
SELECT 'new_sim_burst', subject FROM new_blocks
ORDER BY ALL;
