"""The records of an auth collection: people who log in."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from typing import Any, Generic

import msgspec

from ..answers import Session
from ..calls import Answer, Call, address, get, post
from ..decoding import read
from ..logins import Enrolment, OtpAsked, Passkey, Passkeys, RecoveryCodes, Sessions
from ..retrying import Repeatable
from .reading import RecordT
from .writing import AsyncTable, CreateT, UpdateT


class AsyncAccounts(AsyncTable[RecordT, CreateT, UpdateT], Generic[RecordT, CreateT, UpdateT]):
    """The records of an auth collection, to read and to write, and their logins.

    A login makes the client that account, and is renewed in time. With `session` it can be ended on its own, and lives
    on a refresh token. Each raises SecondFactorNeeded where another factor has to follow, with the `mfa_id` for it.
    """

    async def login(
        self, identity: str, password: str, *, session: bool = False, mfa_id: str = "", identity_field: str = ""
    ) -> RecordT:
        """Log in with a password. Raises BadRequest where it is wrong, or nobody has it."""
        body = {"identity": identity, "password": password, "identityField": identity_field, "mfaId": mfa_id}
        return await self._log_in("auth-with-password", body, session=session, repeatable="always")

    async def request_otp(self, email: str) -> str:
        """Have a one-time password mailed; the id to log in with."""
        call = post(self._path("request-otp"), {"email": email})
        return read((await self.hf_core.call(call)).body, OtpAsked).otp_id

    async def login_with_otp(self, otp_id: str, password: str, *, session: bool = False, mfa_id: str = "") -> RecordT:
        """Log in with the password that came by mail."""
        body = {"otpId": otp_id, "password": password, "mfaId": mfa_id}
        return await self._log_in("auth-with-otp", body, session=session)

    async def login_with_oauth2(
        self,
        provider: str,
        code: str,
        code_verifier: str,
        redirect_url: str,
        *,
        session: bool = False,
        mfa_id: str = "",
        create_data: Mapping[str, Any] | None = None,
    ) -> RecordT:
        """Log in with the code that a provider has sent the person back with. See `auth_methods` for the providers."""
        body: dict[str, Any] = {
            "provider": provider,
            "code": code,
            "codeVerifier": code_verifier,
            "redirectURL": redirect_url,
            "mfaId": mfa_id,
        }
        if create_data is not None:
            body["createData"] = create_data
        return await self._log_in("auth-with-oauth2", body, session=session)

    async def login_with_totp(self, mfa_id: str, code: str, *, session: bool = False) -> RecordT:
        """Complete a login with the code of an authenticator, or a recovery code."""
        return await self._log_in("auth-with-totp", {"mfaId": mfa_id, "code": code}, session=session)

    async def passkey_options(self) -> Any:
        """What a browser, or another authenticator, needs to log in with a passkey."""
        return await self._any("passkeys/login-options", {}, anonymous=True)

    async def login_with_passkey(self, credential: Mapping[str, Any], *, session: bool = False) -> RecordT:
        """Log in with what the authenticator has signed."""
        return await self._log_in("passkeys/login", {"credential": credential}, session=session)

    async def passkey_registration(self) -> Any:
        """What a browser, or another authenticator, needs to make a passkey for who is logged in."""
        return await self._any("passkeys/register-options", {}, anonymous=False)

    async def register_passkey(self, name: str, credential: Mapping[str, Any]) -> Passkey:
        """Keep the passkey that the authenticator has made."""
        call = post(self._path("passkeys", "register"), {"name": name, "credential": credential})
        return read((await self.hf_core.call(call)).body, Passkey)

    async def passkeys(self) -> builtins.list[Passkey]:
        """The passkeys of who is logged in, the oldest first."""
        return read((await self.hf_core.call(get(self._path("passkeys")))).body, Passkeys).items

    async def delete_passkey(self, id: str) -> None:
        """Delete one."""
        await self.hf_core.call(Call("DELETE", self._path("passkeys", id), repeatable="unsent"))

    async def auth_methods(self) -> Any:
        """The ways to log in, as JSON."""
        answer = await self.hf_core.call(get(self._path("auth-methods")))
        return msgspec.json.decode(answer.body)

    async def refresh(self) -> None:
        """Renew the login now. Otherwise it is renewed by itself, in time."""
        await self.hf_core.session.renew()

    async def log_out(self) -> None:
        """Be nobody, or the API key again, and end the session if it was one."""
        await self.hf_core.session.log_out()

    async def sessions(self) -> builtins.list[Session]:
        """The sessions of who is logged in."""
        answer = await self.hf_core.call(get(self._path("sessions")))
        return read(answer.body, Sessions).items

    async def end_session(self, id: str) -> None:
        """End one."""
        await self.hf_core.call(Call("DELETE", self._path("sessions", id), repeatable="unsent"))

    async def end_all_sessions(self) -> None:
        """End all, that of this client too."""
        await self.hf_core.call(Call("DELETE", self._path("sessions")))

    async def request_verification(self, email: str) -> None:
        """Have a link mailed that confirms an address."""
        await self._do("request-verification", {"email": email})

    async def confirm_verification(self, token: str) -> None:
        """Confirm it with the token of the link."""
        await self._do("confirm-verification", {"token": token}, repeatable="always")

    async def request_password_reset(self, email: str) -> None:
        """Have a link mailed that sets a password."""
        await self._do("request-password-reset", {"email": email})

    async def confirm_password_reset(self, token: str, password: str) -> None:
        """Set it with the token of the link."""
        body = {"token": token, "password": password, "passwordConfirm": password}
        await self._do("confirm-password-reset", body)

    async def request_email_change(self, new_email: str) -> None:
        """Have a link mailed to another address of who is logged in."""
        await self._do("request-email-change", {"newEmail": new_email})

    async def confirm_email_change(self, token: str, password: str) -> None:
        """Change to it with the token of the link and the account's password."""
        await self._do("confirm-email-change", {"token": token, "password": password})

    async def enrol_totp(self) -> Enrolment:
        """Begin with an authenticator."""
        answer = await self.hf_core.call(post(self._path("totp", "enroll"), {}))
        return read(answer.body, Enrolment)

    async def confirm_totp(self, code: str) -> builtins.list[str]:
        """Turn it on with its first code; ten recovery codes, which are shown this once."""
        answer = await self.hf_core.call(post(self._path("totp", "confirm"), {"code": code}))
        return read(answer.body, RecoveryCodes).codes

    async def new_recovery_codes(self, code: str) -> builtins.list[str]:
        """Ten new recovery codes in place of those before."""
        answer = await self.hf_core.call(post(self._path("totp", "recovery-codes"), {"code": code}))
        return read(answer.body, RecoveryCodes).codes

    async def disable_totp(self, code: str) -> None:
        """Do without it."""
        await self._do("totp/disable", {"code": code})

    def _path(self, *segments: str) -> str:
        return address("collections", self.hf_name, *segments)

    async def _do(self, action: str, body: Mapping[str, Any], *, repeatable: Repeatable = "unsent") -> None:
        await self.hf_core.call(post(self._path(*action.split("/")), body, repeatable=repeatable))

    async def _any(self, action: str, body: Mapping[str, Any], *, anonymous: bool) -> Any:
        call = post(self._path(*action.split("/")), body, anonymous=anonymous)
        return msgspec.json.decode((await self.hf_core.call(call)).body)

    async def _log_in(
        self, action: str, body: Mapping[str, Any], *, session: bool, repeatable: Repeatable = "unsent"
    ) -> RecordT:
        given: dict[str, Any] = {name: value for name, value in body.items() if value != ""}
        if session:
            given["session"] = True
        call = post(self._path(*action.split("/")), given, repeatable=repeatable, anonymous=True)
        return self._accepted(await self.hf_core.call(call))

    def _accepted(self, answer: Answer) -> RecordT:
        found = self.hf_core.session.accept(answer, self.hf_name)
        return read(bytes(found.record), self.hf_record)
