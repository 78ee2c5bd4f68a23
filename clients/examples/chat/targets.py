# SPDX-License-Identifier: Apache-2.0
"""The gRPC targets that the chat dials: those that Herald's programs accept.

gRPC itself takes any text. It dials port 443 where there is none, and port
34463 for 99999. The grammar is that of proto/contract/address.h.
"""

import os
import re
import socket

FORMS = ("host:port with a port from 1 to 65535, dns:///host:port, "
         "unix:/path")
PATH_BYTES_MAX = 107  # The size of a sockaddr_un.

# A port behind one of these is a mistake: gRPC takes it for a host or a path.
_SCHEME_AND_PORT = re.compile(
    r"(dns|ipv4|ipv6|unix|unix-abstract|xds|google-c2p):[0-9]+")
_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?")
_ZONE = re.compile(r"[A-Za-z0-9._-]+")
_URI_PATH = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@/-]+")  # RFC 3986, 3.3.


def is_target(text):
    """Whether gRPC can dial it, and dials the address in it."""
    if _SCHEME_AND_PORT.fullmatch(text):
        return False
    scheme, colon, rest = text.partition(":")
    check = _SCHEMES.get(scheme) if colon else None
    if check:
        return check(rest)
    if text.startswith("xds:///"):
        return _is_path(text[7:])
    return _is_dialled(text)


def _is_dialled(address):
    return _host_of(address) is not None


def _host_of(address):
    """The host of host:port, without brackets; None if it is not that."""
    host, _, port = address.rpartition(":")
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) <= 65535:
        return None
    if host[:1] == "[" and host[-1:] == "]":
        host = host[1:-1]
        return host if _is_ipv6(host) else None
    return host if _is_name_or_ipv4(host) else None


def _is_name_or_ipv4(host):
    if re.fullmatch(r"[0-9.]+", host):
        return _is_ipv4(host)
    return bool(_NAME.fullmatch(host))


def _is_ipv4(host):
    return _is_ip(socket.AF_INET, host)


def _is_ipv6(host):
    address, percent, zone = host.partition("%")
    return (_is_ip(socket.AF_INET6, address)
            and (not percent or bool(_ZONE.fullmatch(zone))))


def _is_ip(family, host):
    try:
        socket.inet_pton(family, host)
    except (OSError, ValueError):  # ValueError: a byte that is no text.
        return False
    return True


def _is_numeric(address, is_ip):
    host = _host_of(address)
    return host is not None and is_ip(host)


def _is_dns(rest):
    """host:port, ///host:port, or //resolver/host:port."""
    if rest.startswith("//"):
        resolver, slash, rest = rest[2:].partition("/")
        is_ip = _is_ipv6 if resolver.startswith("[") else _is_ipv4
        if not slash or (resolver and not _is_numeric(resolver, is_ip)):
            return False
    return _is_dialled(rest)


def _is_path(path):
    return len(path) <= PATH_BYTES_MAX and bool(_URI_PATH.fullmatch(path))


def _is_unix(rest):
    if rest.startswith("//"):
        return rest.startswith("///") and _is_path(rest[2:])
    return _is_path(rest)


_SCHEMES = {
    "dns": _is_dns,
    "ipv4": lambda rest: all(_is_numeric(each, _is_ipv4)
                             for each in rest.split(",")),
    "ipv6": lambda rest: all(_is_numeric(each, _is_ipv6)
                             for each in rest.split(",")),
    "unix": _is_unix,
    "unix-abstract": _is_path,
}
