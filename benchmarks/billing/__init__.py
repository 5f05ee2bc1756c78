"""What a day of questions costs: a workload, the plain way to have it answered, and the way through Hartley."""
