"""A standing challenge: archives over months, phases, a site; on top of run directories."""
