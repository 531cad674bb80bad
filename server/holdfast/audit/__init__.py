"""The audit log: who changed what on the control plane, and who logged in or tried to."""
