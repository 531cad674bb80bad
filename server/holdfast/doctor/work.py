"""What goes out and what is done after requests: mail, and the queue of jobs."""

from typing import Final

from holdfast.backups.state import BackupsState
from holdfast.config import Settings
from holdfast.doctor.finding import Finding, broken, ok, warning
from holdfast.jobs.state import MOST_COUNTED, JobsState
from holdfast.mail.smtp import MailFailed, connected
from holdfast.schema.app_options import AppOptions, in_effect, is_production
from holdfast.webhooks.state import WebhooksState

EXAMPLES: Final = ("@example.com", "@example.org", "@example.net")


async def mail(options: AppOptions, settings: Settings) -> Finding:
    """Whether mail can go out: connects and logs in, and sends nothing."""
    effect = in_effect(options, settings)
    smtp, production = effect.smtp, is_production(options, settings)
    if not smtp.enabled:
        if production:
            advice = "Set smtp in /api/settings: until then whatever needs a mail is refused."
            return warning("mail", "SMTP is not set up", advice)
        return ok("mail", "SMTP is not set up, so mails are shown in the log (this is no server in production)")
    try:
        async with connected(smtp):
            pass
    except MailFailed as failure:
        advice = "Correct smtp in /api/settings, or the mail server. Mails wait, and are tried again for some hours."
        return broken("mail", f"{smtp.host}:{smtp.port} cannot be used: {failure}", advice)
    if effect.meta.sender_address.endswith(EXAMPLES) and production:
        advice = "Set meta.senderAddress in /api/settings: mail from an address that is not yours is not delivered."
        return warning("mail", f"the sender is {effect.meta.sender_address}", advice)
    return ok("mail", f"{smtp.host}:{smtp.port} can be used")


def webhooks(state: WebhooksState) -> Finding:
    """What the state of the deliveries means."""
    if state.late:
        advice = "Is a server running, without --no-background? Its log says why it sends no webhooks."
        return warning("webhooks", f"a delivery that is due has waited for {state.waited:.0f} s", advice)
    if state.disabled:
        advice = "GET /api/webhooks says why. Once the receiver is well, turn them on: PATCH with active true."
        return warning("webhooks", f"{state.disabled} were turned off, and queue what they would get", advice)
    if state.failing:
        advice = "Their deliveries wait. GET /api/webhooks/{id}/deliveries says what the receivers answer."
        return warning("webhooks", f"the receivers of {state.failing} fail", advice)
    return ok("webhooks", "no delivery is late")


def backups(state: BackupsState) -> Finding:
    """What the age of the last backup means."""
    last = f"the last one is of {state.made}" if state.made else "there is none yet"
    if state.late:
        advice = "Is a server running, without --no-background? GET /api/backups/jobs says what came of the last tries."
        return warning("backups", f"{last}, and the schedule (backups.cron) promises a newer one", advice)
    if not state.scheduled and not state.made:
        return ok("backups", "there is none, and no schedule for them (backups.cron in /api/settings)")
    return ok("backups", last)


def jobs(state: JobsState) -> Finding:
    """What the state of the queue means."""
    if state.late:
        advice = "Is a server running, without --no-background? Its log says which jobs fail, and why."
        return warning("jobs", f"one that is due has waited for {state.waited:.0f} s", advice)
    if state.dead:
        count = f"{state.dead}{' or more' if state.dead >= MOST_COUNTED else ''}"
        advice = "GET /api/jobs?state=dead says why; POST /api/jobs/{id}/retry tries again. They go after 30 days."
        return warning("jobs", f"{count} were given up", advice)
    return ok("jobs", "none is late, none was given up")
