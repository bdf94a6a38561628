// Which random network do the double pendulum's figures show? Number 481 of the 500 that
// `mollify.experiments.random_policies.draw` gives, and the plane through it.

const BYTES =
  "yEiA9UBe3j+Elr52CLjFv+g4D0sirdI/tMYT4lnZzz/CER7BTYDdPzhQ+2nxM7g/EDXEGq+w3D8ArQDQ5LeGvywCBw8vb8" +
  "S/vBGaITy8xT/AMpxIoH3fPyBOsnpDzMs/6B+sclOjz78eckA5cnPYPziovSc0Fti/wGRf3gUbmr8gmKU4QoabP7hSX9XX" +
  "q76/NhRnZDzX2r/QDE2jkquhv4AexS/OC9W/yjCNiD3A3r8ETWJjA3/Pv+AgIEdr282/8LS0Fkxcpr+ue6ohzQnUv6oQrt" +
  "8ryN+/wDJ31SjWlr9sD3NxcKDQP/ZGBuajatm/5N18kiLM1L+kLbfOPEHDP8gImPbHKt8/KrX/B2Ok3D9IiH1C3avKvxDR" +
  "MBfx9cq/bOr2uRiH0z/ao/Yja8rdP/4dLAInWtY/FlG+h0S13b986R7QiDbSvxKJuJiYade/NgaIuz1z27+UhitLp9HcPy" +
  "rrxDI7w9s/um8e3uQn2r/Sy8EoNa3av+if4xx1kdI/OLomlU/asj+wvQhCpLK6vygsypvCA9k/hKGcJWhZyz+I75hFsHvI" +
  "PzD6unQmY7I/7PfR4EJS0z8wezCSJRXVP/iyyrqNHMg/NCgXk3IbxD/Qcd4XnrTLv0BEOwa/HM8/4Dpmb5DSur+UlNB1En" +
  "POPwAQ7B2FaFE/gEtRHMnuh79gbGnSxNPAvwAG+x6mHKk/mPNu0dLHvT88GnwCeFe0PyA8Xsxj4s6/yO5cUXlXyD9MskWF" +
  "ECLOv5QU4gqKY7c/0LPXRuxpnr+sBKAT32LAP54p4soSTMW/TLtVOF6OuD8AUNCOTL2dP4gJCjXRJaW/elCscOZkw7+QtK" +
  "vW3cLOP5Ab24AZGbQ/MIvne4FOyz++PsHpohfBv6TQA7j/fMa/wMV+eY7pvb+w6j9rRSuhP0h5L7x6KMG/LpTGwkYmwD8K" +
  "MEVeCSjPP/Sd/tOi7bc/OCo9VCdyx7+8WCml1823P3ZFQweU5MU/Qm11dMCfz7/SvvDsuerOvzxhjTPo6b8/IAPY0boJu7" +
  "9LFDdE696nv6VtCP8KRr2/oeYdwnPcrb/ssQN9hZC1v5SB9bCzW7g/flRQ/TlksT+qtmEjzmlwv1Sj6exgxIC/INoYfWVf" +
  "wT/Lk6JUaUy+P9A52grk/Mk/FOUrvj+5wb+SGwLIV5uZP1Xt6tI8D5g/+HIirQ5Hzb+8vHhrwg7BP2RSxyBED8S/GZCkvX" +
  "ENvj9hXbgm6uWqP5vNbKnHari/C9RGpiOfrb9PNoxsiF7IP4vYR6uzbaq/WUglxB4axr+SLQ7apqqiv8Y48CcDxas/B9OB" +
  "jveVcj8VWAFLeCqzPzgjSSsIV8G/q380K5brsz8vD2FPjIKovyzLJYFaAcA/W5hZqFwbor/tx8KK/5fGvzkawYhn+rK/LP" +
  "SAHIiccT+YmSkGEkbKP0XSbAqdAMM/9tlgbXp0nL9nouJg9elmv86TfxcKhKk/zLLs6DbWvj95yVaYw1zMPy5W2Wn4EbO/" +
  "c76x9OZFwL+xwsTRglnIv7QnhyvthKW/OcgTC/Zjuz87FVXuqveJP6eTlFyBhX6/QFEogL6nyb9xZscpn5GOP249WHInXL" +
  "C/sfcZV6T4rz/v0ec+mlOwP8j1OQPVi78/r/94EQ6Rtr+f4bJ/qsHFP6MGjwHbwZc/oB15dgSUfr+5mGrhW6C9P5IaMICX" +
  "NZg/shrAecfHm79h5AxcgDeZP98me4e4z8c/XDKG/246gD8Rba6iCkOpvxexNQd8a0+/fOZWsYJAxj+TxoK3YP+sP++35q" +
  "nC/LI/G7Ad4ysfqb/FL4pdafvJP1QjiCT78pc/tDo+m03nkz+QxVmkkvW2v8X8ZfeeeLW//jRxsi/wmz/q9m45382sv3WY" +
  "JoIzHIA/gobjDKX6uz8ZhEFhaau/P2CE/G7FvMK/qY4HOCqhu79Jbo41ZKCxv8z8RIx7/qS/uI+sqnVLnb9UTMCtQSSMv/" +
  "qEUfZuBp6/02kybqZFgL8FzHoRduijP/+An97X0KU/Kw/0WlfayL89t+BfoQJYvzDiiklHzZ8/4Dnu+dMpfj/uT7yC8U+a" +
  "v/6B0nf2jsw/2B9RUGjBy7/dcgc2ep/DvzQXU4omkME/yTvlW1jbjz+Yjnt2gfzIv+yT34Cnxb6/DUle0SVRzD++GDyRiX" +
  "y+v7qeiGUeV8U/9tHck7gqwD9OTo69LyrCv45QKtz+mZ0/v3xvlyA/jb/jUJnxw76LvzMpw4fYN74/AOd6QPlHq7/GEfno" +
  "Y8yhP2qJO3SmJ4w/YCpusVu6sb8M+U3zkx2uP8mnOHOAbbq/j3rbCpQpoD8o/yK7GBa/v7uUxMY/PMm/1h0ZHXfsgr8Boh" +
  "FpZHTLPwKEma+/DI+/cTbWz1vDjr8BBg2tDpbAP/ymYM2lZMA/uHvT0Yz5tj9Nq3KGu1u1P2+Csevv1sI/wCja+S2krj8Q" +
  "Yg1HCW+6P1J3y3km9Jy/1/Q+S1+2wr+51ZOsjZGNvyK5NbUS04O/7oslBciMwr9ZkFOVHgOSP+LxM/2LgbO/1vnBUz8fmr" +
  "9x+Lyq+aakP+1mEtOeYJa//JCPHb1Nsz8+gkMHzRKiv+Vc++gRgsm/hpU5s1IGwr/Db0Trv/2rv1V+Z8PbVb0/z6byX2AW" +
  "lT+97+1OKd3Jv2IFLT+zN5C/xRnSC/srxj9iBb+tO6qlv/L8HViZBq0/64n6ELjIlr8daIpR5luBv2oTbihaDIS/vcu3gt" +
  "buwr94ZXX9FJW1v3KaQ9HC8p2/G370L5W8gL9eoY1VA7qrP9QiUNp+KMO/Fy8+0t6nzL/yUEqYdlC6P0SQGmv0Xoi/VYUW" +
  "/sKbtL/zg6uEt1eYv7tUjIeX6Za/yQGzAbnbsD/O34aX8qW8v+siOoPdVaC/iS2mLyi4xT8KexlRE8SrPzhW4TmnmK8/ve" +
  "+6S1TlmT8xRc96ZFilvxuibforQrE/Khk0Ak0Ttj86lWaA/Hyuv8CY5+6Ty4y/8U7ZdsG6qT+c7/svvbe3P+qtURfRKpA/" +
  "mOQk8nwst7/jmbAB0Kagv0IUTooNusQ/QX7EuJgLo78VO0STeVidPyNscA5LiJa/";

const numbers = new Float64Array(Uint8Array.from(atob(BYTES), (one) => one.charCodeAt(0)).buffer);
const third = numbers.length / 3;

/** The weights of the network, and two orthonormal directions among them. */
export const POLICY = numbers.slice(0, third);
export const DIRECTIONS = [numbers.slice(third, 2 * third), numbers.slice(2 * third)];

/** The weights at (x, y) of the plane; `into` is filled and returned. */
export function policyAt(x, y, into = new Float64Array(third)) {
  for (let i = 0; i < third; i += 1) {
    into[i] = POLICY[i] + x * DIRECTIONS[0][i] + y * DIRECTIONS[1][i];
  }
  return into;
}
