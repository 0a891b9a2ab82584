-- Posts one picture over and over: PICTURE=street.jpg wrk -t1 -c8 -d6 --latency -s tools/baseline/detect.lua URL
local file = assert(io.open(assert(os.getenv("PICTURE"), "set PICTURE to a JPEG, PNG or WebP file"), "rb"))
wrk.method = "POST"
wrk.body = file:read("*a")
file:close()
