# Two images: `asterisk` (Asterisk with our dialplan and prompts) and `acd` (the daemon). docs/docker.md tells how to run
# them. For builders old and new: nothing here needs BuildKit.
#
# Behind a proxy that opens TLS: put its CA into docker/ca/ as *.crt. Other build arguments:
#   APT_OPTIONS       for apt-get, such as "-o Acquire::Check-Valid-Until=false"
#   PIP_INDEX_URL, PIP_EXTRA_INDEX_URL, PIP_TRUSTED_HOST   pip's own
ARG ASTERISK_BASE=debian:forky-slim
# The Python of Debian 12 is the one the tests run on.
ARG ACD_BASE=debian:bookworm-slim

# ---- Asterisk -------------------------------------------------------------------------------------------------------
FROM ${ASTERISK_BASE} AS asterisk
ARG APT_OPTIONS=""
ENV LANG=C.UTF-8
RUN export DEBIAN_FRONTEND=noninteractive \
    && apt-get ${APT_OPTIONS} -qq update \
    && apt-get -qq -y --no-install-recommends install asterisk asterisk-core-sounds-en-wav \
        asterisk-core-sounds-ru-wav asterisk-moh-opsound-wav python3 \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /etc/asterisk/*

WORKDIR /opt/acd
COPY acd/__init__.py acd/errors.py acd/
COPY acd/lab/__init__.py acd/lab/container.py acd/lab/ports.py acd/lab/site.py acd/lab/spec.py acd/lab/
COPY asterisk-conf asterisk-conf
# The instance directory is Asterisk's own; what it keeps (registrations, recordings) lies in lib and spool. Its log goes
# to where `docker logs` finds it.
RUN mkdir -p /srv/asterisk/etc/site /srv/asterisk/lib /srv/asterisk/spool/recording/acd /srv/asterisk/run \
        /srv/asterisk/log \
    && python3 -c 'from pathlib import Path; from acd.lab.site import link_data; link_data(Path("/usr/share/asterisk"), Path("/srv/asterisk/data"))' \
    && ln -s /dev/stdout /srv/asterisk/log/messages \
    && chown -R asterisk:asterisk /srv/asterisk \
    && chmod 0700 /srv/asterisk/etc/site
USER asterisk
ENV PYTHONPATH=/opt/acd PYTHONDONTWRITEBYTECODE=1
VOLUME ["/srv/asterisk/lib", "/srv/asterisk/spool"]
EXPOSE 5060/udp
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=3 \
    CMD ["asterisk", "-C", "/srv/asterisk/etc/asterisk.conf", "-rx", "core waitfullybooted"]
ENTRYPOINT ["python3", "-m", "acd.lab.container"]

# ---- Python ---------------------------------------------------------------------------------------------------------
FROM ${ACD_BASE} AS python
ARG APT_OPTIONS=""
ENV LANG=C.UTF-8
RUN export DEBIAN_FRONTEND=noninteractive \
    && apt-get ${APT_OPTIONS} -qq update \
    && apt-get -qq -y --no-install-recommends install ca-certificates python3 tzdata \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*

# ---- the daemon's parts, made where pip and extra CAs may lie about -----------------------------------------------------
FROM python AS parts
ARG APT_OPTIONS=""
RUN export DEBIAN_FRONTEND=noninteractive \
    && apt-get ${APT_OPTIONS} -qq update \
    && apt-get -qq -y --no-install-recommends install python3-venv \
    && python3 -m venv /opt/acd
COPY docker/ca/ /usr/local/share/ca-certificates/extra/
RUN update-ca-certificates
ARG PIP_INDEX_URL=""
ARG PIP_EXTRA_INDEX_URL=""
ARG PIP_TRUSTED_HOST=""
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
COPY docker/runtime_lock.py pyproject.toml requirements.lock ./
RUN python3 runtime_lock.py pyproject.toml requirements.lock > runtime.lock \
    && /opt/acd/bin/pip install --quiet --require-hashes --requirement runtime.lock
COPY README.md ./
COPY acd acd
RUN /opt/acd/bin/pip install --quiet --no-deps --no-build-isolation . \
    && /opt/acd/bin/pip check \
    && /opt/acd/bin/pip uninstall --quiet --yes setuptools pip

# ---- the daemon -----------------------------------------------------------------------------------------------------
FROM python AS acd
RUN echo 'acd:x:990:' >> /etc/group \
    && echo 'acd:x:990:990::/var/lib/acd:/usr/sbin/nologin' >> /etc/passwd \
    && install -d -o acd -g acd -m 0750 /var/lib/acd
COPY --from=parts /opt/acd /opt/acd
COPY config/acd.yaml /etc/acd/acd.yaml
WORKDIR /var/lib/acd
USER acd
VOLUME ["/var/lib/acd"]
ENV PATH=/opt/acd/bin:/usr/local/bin:/usr/bin:/bin PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
ENV ACD__HTTP__HOST=0.0.0.0 ACD__HTTP__PORT=8088 ACD__DATABASE=sqlite+aiosqlite:////var/lib/acd/acd.db
EXPOSE 8088
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python3", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['ACD__HTTP__PORT'] + '/readyz', timeout=4)"]
ENTRYPOINT ["acd"]
CMD ["run", "--config", "/etc/acd/acd.yaml"]
