"""Plugins at work: loaded, turned on and off, given what they ask for, called when events come."""
