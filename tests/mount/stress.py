"""Random file operations on a mount, for some seconds: stress.py DIRECTORY SEED SECONDS

Nothing is checked but that every operation comes back, with a result or an error that it may have."""
import errno
import os
import random
import sys
import time

directory, seed, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
random.seed(seed)
os.chdir(directory)
names = ['a%d.alt' % i for i in range(6)] + ['t%d' % i for i in range(4)] + [
    'p.alt~', '.x.swp', 'www.example.com', 'slow5.example.com', 'slow50.example.com',
    'ttl0.example.com', 'e110.example.com', 'nothing.alt', 'A1.ALT', 'a1.alt.']
texts = [b'192.0.2.1\n', b'192.0.2.2', b'{"data":', b'"192.0.2.3"}\n', b'rubbish\n', b'\n', b' ',
         b'{"ttl":60,"data":["192.0.2.4"]}', b'\0', b'192.0.2.5\n' * 50]
expected = {errno.ENOENT, errno.EINVAL, errno.EPERM, errno.EACCES, errno.EEXIST, errno.ETIMEDOUT,
            errno.EDQUOT, errno.EAGAIN, errno.EBADF, errno.ENFILE, errno.EFBIG, errno.ENOTDIR}
held = []


def hold(fd):
    held.append(fd)
    if len(held) > 20:
        os.close(held.pop(random.randrange(len(held))))


def read():
    fd = os.open(random.choice(names), os.O_RDONLY)
    hold(fd)
    os.read(fd, random.choice([1, 100, 131072]))
    os.fstat(fd)


def write():
    flags = random.choice([os.O_WRONLY, os.O_RDWR]) | random.choice(
        [0, os.O_TRUNC, os.O_APPEND, os.O_EXCL | os.O_CREAT])
    fd = os.open(random.choice(names), flags | os.O_CREAT, 0o666)
    hold(fd)
    for _ in range(random.randrange(4)):
        random.choice([
            lambda: os.write(fd, random.choice(texts)),
            lambda: os.pwrite(fd, random.choice(texts), random.randrange(100)),
            lambda: os.ftruncate(fd, random.randrange(20)),
            lambda: os.fsync(fd),
            lambda: os.close(os.dup(fd)),
            lambda: os.fstat(fd)])()


operations = [
    read, read, write, write, write,
    lambda: os.unlink(random.choice(names)),
    lambda: os.rename(random.choice(names), random.choice(names)),
    lambda: os.stat(random.choice(names)),
    lambda: os.access(random.choice(names), random.choice([os.R_OK, os.W_OK, os.F_OK])),
    lambda: [e.stat() for e in os.scandir('.')],
    lambda: os.utime(random.choice(names)),
    lambda: os.chmod(random.choice(names), 0o600),
    lambda: os.truncate(random.choice(names), 0),
    lambda: os.mkdir(random.choice(names)),
    lambda: os.listdir('../..'),
    lambda: open('../../.kadns/status').read()]

end = time.monotonic() + seconds
count = 0
while time.monotonic() < end:
    try:
        random.choice(operations)()
    except OSError as e:
        if e.errno not in expected:
            sys.exit('unexpected: %s' % e)
    count += 1
print(count, 'operations')
