-- What workers ask over all tenants. They get ids; the rows they read and write in the tenant's own scope.

-- Alerts that a webhook has not been told of. An alert from before the webhook, or older than p_within_s, is left.
CREATE FUNCTION webhooks_untold(p_within_s double precision, p_most integer)
RETURNS TABLE(tenant_id uuid, webhook_id uuid, alert_id bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT w.tenant_id, w.id, a.id
    FROM webhooks_webhook w
    JOIN tenants_tenant t ON t.id = w.tenant_id AND t.is_active
    JOIN budgets_alert a ON a.tenant_id = w.tenant_id AND a.created_at >= w.created_at
     AND a.created_at >= clock_timestamp() - make_interval(secs => p_within_s)
   WHERE w.is_active AND 'budget.alert' = ANY (w.kinds)
     AND NOT EXISTS (SELECT FROM webhooks_delivery d WHERE d.webhook_id = w.id AND d.event = 'alert:' || a.id)
   ORDER BY a.id LIMIT p_most
$$;

-- Takes deliveries that are due: at most p_each under way to one webhook, p_most in all. Two callers never get the same
-- one. What has been tried p_tries times, the last time by a worker that was lost, is given up.
CREATE FUNCTION webhooks_claim(p_most integer, p_each integer, p_tries integer, p_lease_s double precision)
RETURNS TABLE(tenant_id uuid, delivery_id uuid, claimed_until timestamptz)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  WITH lost AS (
    UPDATE webhooks_delivery SET state = 'given_up', claimed_until = NULL,
           error = 'The worker that sent it was lost; whether it arrived is not known'
     WHERE state = 'waiting' AND attempts >= p_tries AND claimed_until < clock_timestamp()
  ), busy AS (
    SELECT w.id, p_each - count(d.id) FILTER (WHERE d.claimed_until > clock_timestamp()) AS free
      FROM webhooks_webhook w
      JOIN tenants_tenant t ON t.id = w.tenant_id AND t.is_active
      JOIN webhooks_delivery d ON d.webhook_id = w.id AND d.state = 'waiting' AND d.next_at <= clock_timestamp()
     WHERE w.is_active
     GROUP BY w.id
  ), due AS (
    SELECT one.id FROM busy CROSS JOIN LATERAL (
      SELECT d.id FROM webhooks_delivery d
       WHERE d.webhook_id = busy.id AND d.state = 'waiting' AND d.next_at <= clock_timestamp() AND d.attempts < p_tries
         AND (d.claimed_until IS NULL OR d.claimed_until < clock_timestamp())
       ORDER BY d.next_at LIMIT greatest(busy.free, 0) FOR UPDATE SKIP LOCKED) one
     LIMIT p_most
  )
  UPDATE webhooks_delivery d
     SET attempts = d.attempts + 1, claimed_until = clock_timestamp() + make_interval(secs => p_lease_s)
    FROM due WHERE d.id = due.id
  RETURNING d.tenant_id, d.id, d.claimed_until
$$;

-- Forgets deliveries that have ended.
CREATE FUNCTION webhooks_forget(p_after_s double precision, p_most integer) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  WITH old AS (
    DELETE FROM webhooks_delivery WHERE id IN (
      SELECT id FROM webhooks_delivery
       WHERE created_at < clock_timestamp() - make_interval(secs => p_after_s) AND state <> 'waiting'
       ORDER BY created_at LIMIT p_most FOR UPDATE SKIP LOCKED)
    RETURNING 1)
  SELECT count(*) FROM old
$$;

REVOKE ALL ON FUNCTION webhooks_untold(double precision, integer) FROM PUBLIC;
REVOKE ALL ON FUNCTION webhooks_claim(integer, integer, integer, double precision) FROM PUBLIC;
REVOKE ALL ON FUNCTION webhooks_forget(double precision, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION webhooks_untold(double precision, integer) TO hartley_app;
GRANT EXECUTE ON FUNCTION webhooks_claim(integer, integer, integer, double precision) TO hartley_app;
GRANT EXECUTE ON FUNCTION webhooks_forget(double precision, integer) TO hartley_app;
