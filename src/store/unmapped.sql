-- $1 since when, $2 how many kinds of answers
-- Only the partial index of unmapped attempts is read, never the history around them; mandates and executions by their keys.
with seen as (
  select a.execution_id, a.mandate_id, a.call, a.http_status, a.code, a.message, a.rule,
         count(*) as attempts, max(a.at) as last_at
    from mandated.attempts a
   where a.class = 'unmapped' and a.at >= $1
   group by 1, 2, 3, 4, 5, 6, 7
)
select m.provider, m.rail, s.call as "call!", s.http_status, s.code, s.message, s.rule,
       sum(s.attempts)::bigint as "attempts!", count(*) as "executions!",
       coalesce(sum(e.amount_minor) filter (where e.state <> 'charged'), 0)::bigint as "amount_minor!",
       m.currency, max(s.last_at) as "last_at!",
       (array_agg(s.execution_id order by s.last_at desc, s.execution_id desc))[1] as "example!"
  from seen s
  cross join lateral (select * from mandated.mandates where id = s.mandate_id limit 1) m
  -- Old executions are deleted before their attempts are dropped.
  left join lateral (select * from mandated.executions where id = s.execution_id limit 1) e on true
 group by m.provider, m.rail, s.call, s.http_status, s.code, s.message, s.rule, m.currency
 order by (s.rule is not null), "attempts!" desc, "last_at!" desc
 limit $2
